//! One certificate authority per cluster: it signs what the servers show and what clients log in with.

use std::net::{IpAddr, Ipv4Addr};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};

use crate::error::Error;

/// A certificate and its key, both PEM.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Signs for one cluster or one etcd.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Result<Self, Error> {
        let make = || {
            let mut params = CertificateParams::default();
            params.distinguished_name = subject(&format!("{name} authority"), None);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        let issuer = make().map_err(failed(name))?;
        Ok(Self { issuer })
    }

    pub(crate) fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// For a server on the loopback address that also logs in to its like.
    pub(crate) fn server(&self, name: &str) -> Result<Pair, Error> {
        let make = || {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
            params
                .subject_alt_names
                .push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
            params.distinguished_name = subject(name, None);
            params.extended_key_usages = vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ];
            self.sign(params)
        };
        make().map_err(failed(name))
    }

    /// For a user of this name, and of one group if it is given.
    pub(crate) fn client(&self, name: &str, group: Option<&str>) -> Result<Pair, Error> {
        let make = || {
            let mut params = CertificateParams::default();
            params.distinguished_name = subject(name, group);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            self.sign(params)
        };
        make().map_err(failed(name))
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Pair, rcgen::Error> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

/// The key that service account tokens are signed with: private and public part.
pub(crate) fn token_key() -> Result<(String, String), Error> {
    let key = KeyPair::generate().map_err(failed("service account tokens"))?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

fn subject(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject
}

fn failed(name: &str) -> impl FnOnce(rcgen::Error) -> Error {
    let name = name.to_owned();
    move |source| Error::Certificate { name, source }
}
