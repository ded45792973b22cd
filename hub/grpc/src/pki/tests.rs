use rcgen::string::Ia5String;
use stevedore_hub_core::ports::MemberUid;
use stevedore_proto_core::ClusterUid;
use x509_parser::prelude::*;

use super::*;
use crate::identity::ClusterIdentity;

const NOW: i64 = 1_800_000_000;

fn name(byte: u8) -> MemberName {
    MemberName {
        cluster: ClusterUid::from_bytes([byte; 16]),
        member: MemberUid::from_bytes([byte; 16]),
    }
}

fn request(params: CertificateParams, key: &KeyPair) -> Vec<u8> {
    params.serialize_request(key).unwrap().der().to_vec()
}

fn der(pem: &str) -> Vec<u8> {
    x509_parser::pem::parse_x509_pem(pem.as_bytes())
        .unwrap()
        .1
        .contents
}

#[test]
fn a_member_certificate_says_what_the_hub_decided_and_nothing_of_the_request() {
    let authority = Authority::create(NOW).unwrap();
    let key = new_key().unwrap();
    let mut params =
        CertificateParams::new(vec!["hub.example".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "system:masters");
    params
        .subject_alt_names
        .push(SanType::URI(Ia5String::try_from(name(9).to_uri()).unwrap()));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];

    let issued = authority
        .sign_member(
            &Request::parse(&request(params, &key)).unwrap(),
            name(1),
            NOW,
            MEMBER_SECONDS,
        )
        .unwrap();
    let der = issued.certificate.clone();
    let (_, certificate) = parse_x509_certificate(&der).unwrap();
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    let uri = name(1).to_uri();
    assert_eq!(names.value.general_names, [GeneralName::URI(&uri)]);
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    assert!(!certificate.is_ca());
    assert!(!certificate.subject().to_string().contains("masters"));
    assert_eq!(
        certificate.validity().not_before.timestamp(),
        NOW - BACK_DATED_SECONDS
    );
    assert_eq!(
        certificate.validity().not_after.timestamp(),
        NOW + i64::from(MEMBER_SECONDS)
    );
    assert_eq!(issued.not_after, NOW + i64::from(MEMBER_SECONDS));

    let identity = ClusterIdentity::from_certificate(&der).unwrap();
    assert_eq!(
        (identity.cluster(), identity.member()),
        (name(1).cluster, name(1).member)
    );
    assert_eq!(identity.not_after(), issued.not_after);
}

#[test]
fn an_authority_is_read_back_as_stored_and_keeps_its_pin() {
    let authority = Authority::create(NOW).unwrap();
    let stored = (
        authority.certificate().to_owned(),
        authority.private_key().to_owned(),
    );
    let again = Authority::from_pem(stored.0.clone(), stored.1).unwrap();
    assert_eq!(again.pin(), authority.pin());
    let other = Authority::create(NOW).unwrap();
    assert_ne!(other.pin(), authority.pin());
    assert!(
        Authority::from_pem(stored.0, other.private_key().to_owned()).is_err(),
        "another one's key"
    );
}

#[test]
fn requests_that_are_none_are_refused() {
    let authority = Authority::create(NOW).unwrap();
    let sign = |request: &[u8]| Request::parse(request).unwrap_err();
    assert!(matches!(sign(b""), Error::Request(_)));
    assert!(matches!(
        sign(authority.certificate_der()),
        Error::Request(_)
    ));

    // The signature belongs to another key: nobody proved to have this one.
    let (ours, theirs) = (new_key().unwrap(), new_key().unwrap());
    let mut forged = request(CertificateParams::default(), &ours);
    let at = forged
        .windows(65)
        .position(|window| window == ours.public_key_raw())
        .unwrap();
    forged[at..at + 65].copy_from_slice(theirs.public_key_raw());
    assert!(matches!(sign(&forged), Error::Request(_)));

    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    assert!(matches!(
        sign(&request(CertificateParams::default(), &p384)),
        Error::Key
    ));

    assert!(matches!(
        sign(&[0; limit::ENROLMENT_FIELD]),
        Error::Request(_)
    ));
    assert!(matches!(
        sign(&[0; limit::ENROLMENT_FIELD + 1]),
        Error::RequestTooLarge
    ));
}

#[test]
fn a_server_certificate_holds_names_and_addresses_and_is_no_identity() {
    let authority = Authority::create(NOW).unwrap();
    let names = ["hub.example".to_owned(), "127.0.0.1".to_owned()];
    let server = authority.issue_server(&names, NOW, SERVER_SECONDS).unwrap();
    tls::Identity::from_pem(&server.chain, &server.key).unwrap();
    assert!(ClusterIdentity::from_certificate(&der(&server.chain)).is_err());
}
