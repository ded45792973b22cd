use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::BoxFuture;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use stevedore_runtime::clock::Clock;
use x509_parser::time::ASN1Time;

use super::*;
use crate::hub_link::credentials::{MemoryStore, StoreFailure};

const CLUSTER: ClusterUid = ClusterUid::from_bytes([5; 16]);
const DAY: i64 = 24 * 3600;

fn at(seconds: i64) -> ASN1Time {
    ASN1Time::from_timestamp(seconds).unwrap()
}

/// A certificate of a member that begins a day before `now` and ends a day after it, as `change` wants it.
fn credentials(now: i64, change: impl FnOnce(&mut CertificateParams)) -> Credentials {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);

    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    let name = format!("spiffe://stevedore.dev/cluster/{CLUSTER}/member/{CLUSTER}");
    params.subject_alt_names = vec![SanType::URI(name.try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = at(now - DAY).to_datetime();
    params.not_after = at(now + DAY).to_datetime();
    change(&mut params);
    Credentials {
        chain: vec![params.signed_by(&key, &issuer).unwrap().der().to_vec()],
        key: key.serialize_der(),
        authorities: vec![authority.der().to_vec()],
        addresses: vec!["hub.example:8443".into()],
        joined_with: Digest::of(b"token"),
    }
}

#[test]
fn only_a_certificate_for_this_cluster_this_key_and_this_moment_is_taken() {
    let hub = Clock::shifted(40 * DAY);
    let now = hub.unix();
    let taken = |credentials: Credentials| {
        let clock = HubClock::new(Clock::SYSTEM);
        let taken = usable(credentials, CLUSTER, Some(hub.unix_millis()), &clock).is_ok();
        assert_eq!(clock.offset().is_some(), taken, "the hub's clock is taken");
        taken
    };
    let good = credentials(now, |_| {});
    assert!(taken(good.clone()));
    let other = credentials(now, |params| {
        let name = format!(
            "spiffe://stevedore.dev/cluster/{}/member/a",
            CLUSTER.short()
        );
        params.subject_alt_names = vec![SanType::URI(name.try_into().unwrap())];
    });
    let nameless = credentials(now, |params| params.subject_alt_names.clear());
    let server = credentials(now, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let ended = credentials(now, |params| params.not_after = at(now - 1).to_datetime());
    let early = credentials(now, |params| {
        params.not_before = at(now + 3600).to_datetime()
    });
    let of_another_authority = Credentials {
        authorities: other.authorities.clone(),
        ..good.clone()
    };
    let of_another_key = Credentials {
        key: other.key.clone(),
        ..good.clone()
    };
    let empty = Credentials {
        chain: vec![],
        ..good
    };
    for (what, credentials) in [
        ("another cluster", other),
        ("no cluster", nameless),
        ("a server", server),
        ("the past", ended),
        ("the future", early),
        ("another authority", of_another_authority),
        ("another key", of_another_key),
        ("nothing", empty),
    ] {
        assert!(!taken(credentials), "{what}");
    }
}

/// A store that fails so often before it works.
struct Failing(AtomicU32, MemoryStore);

impl IdentityStore for Failing {
    fn load(&self) -> BoxFuture<'_, Result<Option<Credentials>, StoreFailure>> {
        self.1.load()
    }

    fn save(&self, credentials: Credentials) -> BoxFuture<'_, Result<(), StoreFailure>> {
        let fails = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        match fails {
            Ok(_) => Box::pin(async { Err(StoreFailure("no answer".into())) }),
            Err(_) => self.1.save(credentials),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_received_identity_is_kept_until_it_is_saved_however_long_that_takes() {
    let store = Failing(AtomicU32::new(100), MemoryStore::default());
    let received = credentials(0, |_| {});
    let told = AtomicU32::new(0);
    let tell = |why: String| {
        assert!(why.contains("no answer"), "{why}");
        told.fetch_add(1, Ordering::Relaxed);
    };
    assert_eq!(save(&store, received.clone(), tell).await, received);
    assert_eq!(told.into_inner(), 100);
    assert_eq!(store.load().await, Ok(Some(received)));
}
