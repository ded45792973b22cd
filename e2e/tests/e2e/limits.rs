//! Limits of what is pulled from a registry, met by the running hub: at the limit it is taken, above it refused.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use stevedore_package::image::{Blob, Image, LAYER_TYPE, MANIFEST_TYPE};
use stevedore_package::limit;
use stevedore_proto_core::Digest;
use stevedore_proto_core::limit::PHASES;
use tar::{Builder, EntryType, Header};

use super::audit_log::package_writes;
use stevedore_e2e::api::condition;
use stevedore_e2e::draft::{Draft, is_observed, named, object, push};
use stevedore_e2e::harness::shared;
use stevedore_e2e::world::World;

const MEMBER: &str = "member-1";

/// A package of one ConfigMap.
fn sound(name: &str) -> Draft {
    Draft::new(name, &["only"])
        .inside("default")
        .config_map(name, "only", "fine")
}

/// Text that does not get smaller.
fn noise(bytes: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(letters[(state >> 58) as usize])
    };
    (0..bytes).map(|_| next()).collect()
}

/// An entry of a layer whose name is written as it is.
type Entry<'a> = (&'a str, EntryType, &'a [u8]);

/// A layer with the files of a package of this name, and these entries.
fn layer(name: &str, entries: &[Entry<'_>]) -> Vec<u8> {
    let manifest = format!(
        "apiVersion: manifests.package-operator.run/v1alpha1\nkind: PackageManifest\nmetadata: {{name: {name}}}\nspec: {{scopes: [Cluster], phases: [{{name: only}}]}}\n"
    );
    let map = object("v1", "ConfigMap", "default", name, "only", "");
    let files: [Entry<'_>; 2] = [
        (
            "package/manifest.yaml",
            EntryType::Regular,
            manifest.as_bytes(),
        ),
        ("package/map.yaml", EntryType::Regular, map.as_bytes()),
    ];
    let mut builder = Builder::new(vec![]);
    for (path, kind, content) in files.iter().chain(entries) {
        let mut header = Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let ustar = header.as_ustar_mut().expect("a ustar header");
        ustar.name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).expect("memory");
    }
    builder.into_inner().expect("memory")
}

/// A layer with a file of this size that is no part of the package.
fn filled(name: &str, content: &[u8]) -> Vec<u8> {
    layer(name, &[("etc/filler", EntryType::Regular, content)])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Pushes an image of one layer, whatever is in it; the reference to order it by.
async fn push_layer(world: &World, name: &str, layer: Vec<u8>) -> String {
    let blob = |media_type, bytes: Vec<u8>| Blob {
        media_type,
        digest: Digest::of(&bytes),
        bytes,
    };
    let layer = blob(LAYER_TYPE, layer);
    let config = blob("application/vnd.oci.image.config.v1+json", b"{}".to_vec());
    let of = |blob: &Blob| json!({"mediaType": blob.media_type, "digest": blob.digest, "size": blob.bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": of(&config), "layers": [of(&layer)],
    });
    let manifest = blob(MANIFEST_TYPE, manifest.to_string().into_bytes());
    let image = Image {
        layer,
        config,
        manifest,
    };
    let reference = format!("{}/{name}:1", world.fleet.registry().address());
    push(&image, &reference).await;
    reference
}

/// The package is taken.
async fn taken(world: &World, name: &str, image: &str) {
    let draft = sound(name);
    // For no cluster: what is looked at is the pulling.
    draft.order(world, image, &named(&[])).await;
    let what = format!("{name} is taken");
    world
        .seen(&what, &draft.path(), |package| {
            is_observed(package)
                && condition(package, "Unpacked").0 == "True"
                && condition(package, "Invalid").0 != "True"
        })
        .await;
    draft.remove(world).await;
}

/// The package is refused with these words.
async fn refused(world: &World, name: &str, image: &str, words: &str) {
    let draft = sound(name);
    draft.order(world, image, &named(&[MEMBER])).await;
    let message = draft.says_any(world, "Invalid", "True").await;
    assert!(message.contains(words), "{name}: {message}");
    draft.remove(world).await;
}

#[test]
fn an_image_at_its_limits_is_taken_and_above_them_refused_by_name() {
    shared(async |world| {
        let empty = filled("packed-at", b"").len();
        // Whole blocks of 512 bytes, so that the archive can have exactly this size.
        let mut packed = filled("packed-at", &vec![b'x'; limit::PACKED_BYTES - empty]);
        assert_eq!(packed.len(), limit::PACKED_BYTES);
        let image = push_layer(world, "packed-at", packed.clone()).await;
        taken(world, "packed-at", &image).await;
        packed.push(0);
        let image = push_layer(world, "packed-over", packed).await;
        refused(world, "packed-over", &image, "bytes packed, the limit is").await;

        // Enough noise that the ratio is not in the way.
        let unpacked = |name: &str, bytes: usize| {
            let mut content = noise(1024 * 1024).into_bytes();
            content.resize(bytes, 0);
            gzip(&filled(name, &content))
        };
        let room = limit::UNPACKED_BYTES - empty;
        let image = push_layer(world, "unpacked-at", unpacked("unpacked-at", room)).await;
        taken(world, "unpacked-at", &image).await;
        let over = unpacked("unpacked-over", room + 2048);
        let image = push_layer(world, "unpacked-over", over).await;
        refused(
            world,
            "unpacked-over",
            &image,
            "unpacks to more than 67108864",
        )
        .await;

        let free = limit::RATIO_FREE_BYTES;
        let padding = |name: &str, bytes: usize| gzip(&filled(name, &vec![0; bytes]));
        let image = push_layer(world, "ratio-at", padding("ratio-at", free - empty)).await;
        taken(world, "ratio-at", &image).await;
        let image = push_layer(world, "ratio-over", padding("ratio-over", free + 2048)).await;
        refused(world, "ratio-over", &image, "100 times its packed size").await;

        let names: Vec<_> = (0..limit::ENTRIES)
            .map(|number| format!("etc/{number}"))
            .collect();
        let entries: Vec<Entry<'_>> = names
            .iter()
            .map(|name| (name.as_str(), EntryType::Regular, &b""[..]))
            .collect();
        // Beside the package's own two.
        let at = layer("entries-at", &entries[..limit::ENTRIES - 2]);
        let image = push_layer(world, "entries-at", at).await;
        taken(world, "entries-at", &image).await;
        let over = layer("entries-over", &entries[..limit::ENTRIES - 1]);
        let image = push_layer(world, "entries-over", over).await;
        refused(world, "entries-over", &image, "more than 5000 entries").await;
    });
}

#[test]
fn an_image_of_anything_but_regular_files_with_plain_paths_is_refused() {
    shared(async |world| {
        for (name, entry, words) in [
            (
                "links",
                ("package/link", EntryType::Symlink, &b""[..]),
                "symbolic link",
            ),
            (
                "climbs",
                ("package/../../passwd", EntryType::Regular, &b"x"[..]),
                "canonical path",
            ),
            (
                "absolute",
                ("/package/passwd", EntryType::Regular, &b"x"[..]),
                "canonical path",
            ),
        ] {
            let image = push_layer(world, name, layer(name, &[entry])).await;
            refused(world, name, &image, words).await;
        }
        let image = push_layer(world, "garbage", noise(4096).into_bytes()).await;
        refused(world, "garbage", &image, "layer 0 is not a tar archive").await;
    });
}

#[test]
fn a_package_at_its_limits_is_taken_and_above_them_refused_by_name() {
    shared(async |world| {
        let document = |name: &str, bytes: usize| {
            let head = object("v1", "ConfigMap", "default", name, "only", "");
            let comment = noise(bytes - head.len() - 2);
            sound(name).file(&format!("{name}.yaml"), &format!("{head}# {comment}"))
        };
        let draft = document("document-at", limit::YAML_BYTES);
        let image = draft.push(world, "1").await;
        taken(world, "document-at", &image).await;
        let draft = document("document-over", limit::YAML_BYTES + 1);
        let image = draft.push(world, "1").await;
        refused(world, "document-over", &image, "document-over.yaml").await;

        let names: Vec<_> = (0..=PHASES).map(|number| format!("p{number}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let phases =
            |name: &str, count| Draft::new(name, &names[..count]).config_map(name, "p0", "fine");
        let image = phases("phases-at", PHASES).push(world, "1").await;
        taken(world, "phases-at", &image).await;
        let image = phases("phases-over", PHASES + 1).push(world, "1").await;
        refused(world, "phases-over", &image, "limit").await;

        // Always true, in so many bytes.
        let rule = |name: &str, bytes: usize| {
            let source = format!("'{}' != ''", noise(bytes - "'' != ''".len()));
            let probe = format!(
                "  - selector: {{kind: {{group: \"\", kind: ConfigMap}}}}\n    probes: [{{cel: {{rule: {source:?}, message: never}}}}]\n"
            );
            sound(name).probe(&probe)
        };
        let image = rule("rule-at", 4096).push(world, "1").await;
        taken(world, "rule-at", &image).await;
        let image = rule("rule-over", 4097).push(world, "1").await;
        refused(world, "rule-over", &image, "4096").await;

        let endless =
            "{{ define \"again\" }}{{ template \"again\" . }}{{ end }}{{ template \"again\" . }}";
        let draft = sound("endless").file("endless.yaml.gotmpl", endless);
        let image = draft.push(world, "1").await;
        refused(world, "endless", &image, "endless.yaml.gotmpl").await;
    });
}

#[test]
fn a_set_at_the_stored_size_is_applied_and_above_it_refused_by_that_name() {
    shared(async |world| {
        let large = |name: &str, bytes: usize| {
            let mut draft = sound(name);
            for part in 0..2 {
                let part = format!("{name}-{part}");
                draft = draft.config_map(&part, "only", &noise(bytes / 2));
            }
            draft
        };
        let fits = large("size-at", 1_350_000);
        fits.roll_out(world, &named(&[MEMBER]), 1).await;
        fits.remove(world).await;

        let over = large("size-over", 1_364_000);
        over.install(world, &named(&[MEMBER])).await;
        let message = over.fails(world, "the limit is 1363148").await;
        assert!(message.contains("object set"), "{message}");

        let mut many = Draft::new("many", &["only"]).inside("default");
        for number in 0..=limit::OBJECTS {
            many = many.config_map(&format!("many-{number}"), "only", "");
        }
        many.install(world, &named(&[MEMBER])).await;
        many.fails(world, "1001 objects, the limit is 1000").await;
        let writes = package_writes(world.cluster(MEMBER), "default");
        let of_refused = writes.iter().filter(|entry| {
            let object = entry.object_ref.as_ref();
            object.is_some_and(|object| {
                object.name.starts_with("many-") || object.name.starts_with("size-over")
            })
        });
        assert_eq!(of_refused.count(), 0);
        over.remove(world).await;
        many.remove(world).await;
    });
}
