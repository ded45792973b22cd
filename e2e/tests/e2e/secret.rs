//! No secret value stands anywhere but in Secrets.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use serde_json::{Value, json};

use stevedore_e2e::api::{get, list, ours};
use stevedore_e2e::draft::{Draft, members, object};
use stevedore_e2e::harness::alone;
use stevedore_e2e::world::{SMALL, World};

/// Twenty values that are nothing else.
fn canaries(edition: &str) -> Vec<String> {
    (0..20)
        .map(|number| format!("canary-{edition}-{:x}", 0x5eed_0000_u64 * (number + 17)))
        .collect()
}

/// A package whose Secrets hold the values: as text, as base64, and out of a helper file.
fn draft(edition: &str) -> Draft {
    let values = canaries(edition);
    let head = |name| object("v1", "Secret", "default", name, "only", "");
    let mut literal = format!("{}stringData:\n", head("literal"));
    for (at, value) in values[..7].iter().enumerate() {
        literal.push_str(&format!("  text{at}: {value}\n"));
    }
    literal.push_str("data:\n");
    for (at, value) in values[7..14].iter().enumerate() {
        literal.push_str(&format!("  data{at}: {}\n", STANDARD.encode(value)));
    }
    let mut helpers = String::new();
    let mut helped = format!("{}stringData:\n", head("helped"));
    for (at, value) in values[14..].iter().enumerate() {
        helpers.push_str(&format!(
            "{{{{ define \"value{at}\" }}}}{value}{{{{ end }}}}\n"
        ));
        helped.push_str(&format!("  text{at}: {{{{ template \"value{at}\" }}}}\n"));
    }
    Draft::new("secretive", &["only"])
        .inside("default")
        .file("literal.yaml", &literal)
        .file("_helpers.gotmpl", &helpers)
        .file("helped.yaml.gotmpl", &helped)
        .config_map("open", "only", edition)
}

/// Everything that a text can be read as: itself, and what it is the encoding of, again and again.
fn readings(bytes: Vec<u8>, depth: usize, all: &mut Vec<Vec<u8>>) {
    if depth > 0 {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut inner = vec![];
            if flate2::read::GzDecoder::new(&bytes[..])
                .read_to_end(&mut inner)
                .is_ok()
            {
                readings(inner, depth - 1, all);
            }
        } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            if let Ok(inner) = zstd::decode_all(&bytes[..]) {
                readings(inner, depth - 1, all);
            }
        } else {
            let is_encoded = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
            for run in bytes
                .split(|byte| !is_encoded(byte))
                .filter(|run| run.len() >= 16)
            {
                if let Ok(inner) = STANDARD.decode(run) {
                    readings(inner, depth - 1, all);
                }
            }
        }
    }
    all.push(bytes);
}

/// The values found in a text, however it is encoded.
fn found(text: String, values: &[String]) -> Vec<String> {
    let mut all = vec![];
    readings(text.into_bytes(), 4, &mut all);
    let texts: Vec<_> = all
        .iter()
        .map(|bytes| String::from_utf8_lossy(bytes))
        .collect();
    let mut found = values.to_vec();
    found.retain(|value| texts.iter().any(|text| text.contains(value.as_str())));
    found
}

/// Every object of our group, ConfigMap and Event of a cluster.
async fn objects(client: &Client) -> Vec<Value> {
    let served = get(client, "/apis/stevedore.dev/v1alpha1").await;
    let served = served.expect("our group is served");
    let mut all = vec![];
    for resource in served["resources"].as_array().expect("a list") {
        let name = resource["name"].as_str().expect("a name");
        if !name.contains('/') {
            all.extend(list(client, &ours(name)).await);
        }
    }
    for path in [
        "/api/v1/configmaps",
        "/api/v1/events",
        "/apis/events.k8s.io/v1/events",
    ] {
        all.extend(list(client, path).await);
    }
    all
}

async fn search_everywhere(world: &World, values: &[String]) {
    for cluster in world.fleet.clusters() {
        for object in objects(&cluster.client()).await {
            let what = format!("{} {}", object["kind"], object["metadata"]["name"]);
            let found = found(object.to_string(), values);
            assert!(
                found.is_empty(),
                "{}: {what} shows {found:?}",
                cluster.name()
            );
        }
    }
    for daemon in [&world.hub.daemon, &world.agent("member-1").daemon] {
        let log = std::fs::read_to_string(daemon.log_path()).expect("a log");
        let found = found(log, values);
        assert!(
            found.is_empty(),
            "{} shows {found:?}",
            daemon.log_path().display()
        );
    }
}

#[test]
fn twenty_secret_values_are_found_nowhere_but_in_secrets() {
    alone(SMALL, async |world| {
        for daemon in [&world.hub.daemon, &world.agent("member-1").daemon] {
            daemon.kill().await;
            daemon
                .change(|spec| spec.env.push(("RUST_LOG".to_owned(), "debug".to_owned())))
                .await;
            daemon.start().await.expect("it starts again");
        }
        let first = draft("one");
        first.roll_out(world, &members(), 1).await;
        let mut values = canaries("one");
        let member = world.cluster("member-1").client();
        let secrets = list(&member, "/api/v1/namespaces/default/secrets").await;
        let there = found(json!(secrets).to_string(), &values);
        assert_eq!(there, values, "the search does not find what is there");
        let kept = "/api/v1/namespaces/stevedore-system/secrets";
        let mut kept = list(&world.client(), kept).await;
        kept.retain(|secret| secret["type"] == "stevedore.dev/content");
        let there = found(json!(kept).to_string(), &values);
        assert_eq!(there, values, "the search does not find what is compressed");
        search_everywhere(world, &values).await;

        values.extend(canaries("two"));
        // One that the hub refuses, and one of which an API server quotes what it refuses.
        for (tag, field) in [
            ("2", "stringData: {\"CANARY not a key\": x}"),
            ("2b", "immutable: CANARY"),
        ] {
            let field = field.replace("CANARY", &canaries("two")[0]);
            let head = object("v1", "Secret", "default", "wrong", "only", "");
            let second = draft("two").file("wrong.yaml", &format!("{head}{field}\n"));
            second.upgrade(world, tag).await;
            second.fails(world, "wrong").await;
            search_everywhere(world, &values).await;
        }

        let third = draft("two");
        third.upgrade(world, "3").await;
        third.available(world, 1).await;
        search_everywhere(world, &values).await;
        third.remove(world).await;
        search_everywhere(world, &values).await;
    });
}
