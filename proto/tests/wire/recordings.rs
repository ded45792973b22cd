//! Messages recorded by each release still decode to the same words, and words survive the wire.

use std::path::{Path, PathBuf};

use prost::Message;
use stevedore_proto::v1;
use stevedore_proto_core::{ToAgent, ToHub};

use super::samples;

const RECORD: &str = "STEVEDORE_RECORD";
/// Releases whose recordings are kept. A release is added, none is removed or written anew.
const RELEASES: [&str; 1] = ["0.1"];

fn directory(release: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded")
        .join(release)
}

/// Reads a recording; with `STEVEDORE_RECORD=1` writes the ones that do not exist yet.
fn recording(name: &str, encoded: &[u8], release: &str) -> Vec<u8> {
    let path = directory(release).join(format!("{name}.bin"));
    if std::env::var_os(RECORD).is_some() && !path.exists() {
        std::fs::create_dir_all(directory(release)).unwrap();
        std::fs::write(&path, encoded).unwrap();
    }
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; set {RECORD}=1", path.display()))
}

#[test]
fn messages_to_the_hub_decode_as_they_did_in_every_release() {
    for (name, message) in samples::to_hub() {
        let encoded = v1::ToHub::from(message.clone()).encode_to_vec();
        for release in RELEASES {
            let wire = v1::ToHub::decode(recording(name, &encoded, release).as_slice()).unwrap();
            assert_eq!(
                ToHub::try_from(wire).as_ref(),
                Ok(&message),
                "{release}/{name}"
            );
        }
    }
}

#[test]
fn messages_to_the_agent_decode_as_they_did_in_every_release() {
    for (name, message) in samples::to_agent() {
        let encoded = v1::ToAgent::from(message.clone()).encode_to_vec();
        for release in RELEASES {
            let wire = v1::ToAgent::decode(recording(name, &encoded, release).as_slice()).unwrap();
            assert_eq!(
                ToAgent::try_from(wire).as_ref(),
                Ok(&message),
                "{release}/{name}"
            );
        }
    }
}

/// Whether a recording of each release decodes to this message; what is missing is recorded on request.
fn decodes_as<M: Message + Default + PartialEq + std::fmt::Debug>(name: &str, message: &M) {
    for release in RELEASES {
        let recorded = recording(name, &message.encode_to_vec(), release);
        assert_eq!(
            M::decode(recorded.as_slice()).as_ref(),
            Ok(message),
            "{release}/{name}"
        );
    }
}

#[test]
fn enrolment_messages_decode_as_they_did_in_every_release() {
    decodes_as("enrol-request", &samples::enrol_request());
    decodes_as("enrol-response", &samples::enrol_response());
    decodes_as(
        "enrol-response-with-time",
        &samples::enrol_response_with_time(),
    );
    decodes_as("renew-request", &samples::renew_request());
    decodes_as("renew-response", &samples::renew_response());
    decodes_as("exchange-request", &samples::exchange_request());
    decodes_as("exchange-response", &samples::exchange_response());
}
