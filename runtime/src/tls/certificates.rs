//! Certificates in PEM or DER, and the trust roots that they make.

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::error::Error;

/// The certificates of a PEM bundle as trust roots.
///
/// # Errors
/// When the text is not PEM, holds no certificate, or one that cannot be a root.
pub fn roots(bundle: &str) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("CA bundle", bundle)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

/// Certificates in DER as trust roots.
///
/// # Errors
/// When there is none, or one cannot be a root.
pub fn roots_from_der(authorities: &[Vec<u8>]) -> Result<RootCertStore, Error> {
    if authorities.is_empty() {
        return Err(Error::Empty("CA bundle"));
    }
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from(authority.clone()))?;
    }
    Ok(roots)
}

pub(super) fn certificates(
    what: &'static str,
    pem: &str,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| Error::Pem { what, source })?;
    if certificates.is_empty() {
        Err(Error::Empty(what))
    } else {
        Ok(certificates)
    }
}
