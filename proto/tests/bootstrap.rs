//! The committed generated code is what the `.proto` files say.

use std::fs;
use std::path::{Path, PathBuf};

const REGENERATE: &str = "STEVEDORE_REGENERATE";

fn generated(out: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = ["order", "status", "session", "enrolment"]
        .map(|name| root.join(format!("stevedore/agent/v1/{name}.proto")));
    let descriptors = protox::compile(files, [root]).expect("the .proto files compile");
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .build_transport(true)
        .emit_rerun_if_changed(false)
        .out_dir(out)
        .compile_fds(descriptors)
        .expect("code is generated from the descriptors");
}

#[test]
fn committed_code_is_what_the_proto_files_say() {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("proto-bootstrap");
    fs::create_dir_all(&scratch).unwrap();
    generated(&scratch);
    let name = "stevedore.agent.v1.rs";
    let fresh = fs::read_to_string(scratch.join(name)).unwrap();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/gen")
        .join(name);
    if std::env::var_os(REGENERATE).is_some() {
        fs::write(&committed, &fresh).unwrap();
    }
    let found = fs::read_to_string(&committed).unwrap_or_default();
    assert!(
        found == fresh,
        "{} is stale; run `{REGENERATE}=1 cargo test -p stevedore-proto --test bootstrap`",
        committed.display()
    );
}
