//! The files that the programs of a cluster read and that do not depend on its port.

use std::path::Path;

use super::ClusterOptions;
use crate::error::Error;
use crate::kubeconfig::write_private;
use crate::pki::{Authority, token_key};

const AUDIT_POLICY: &str = include_str!("../assets/audit-policy.yaml");
const STAGES: &str = include_str!("../assets/stages.yaml");

/// Writes what does not depend on the port.
pub(super) fn write(
    folder: &Path,
    options: &ClusterOptions,
    authority: &Authority,
) -> Result<(), Error> {
    let server = authority.server("kube-apiserver")?;
    let (token_private, token_public) = token_key()?;
    let broken: Vec<String> = options
        .broken_images
        .iter()
        .map(|image| format!("{image:?}"))
        .collect();
    let writes = match options.audit_bodies {
        true => "RequestResponse",
        false => "Metadata",
    };
    let audit_policy = AUDIT_POLICY.replace("@WRITES@", writes);
    let stages = STAGES.replace("@BROKEN_IMAGES@", &broken.join(", "));
    for (name, text) in [
        ("ca.pem", authority.certificate().as_str()),
        ("server.pem", &server.certificate),
        ("server.key", &server.key),
        ("token.key", &token_private),
        ("token.pem", &token_public),
        ("audit-policy.yaml", &audit_policy),
        ("stages.yaml", &stages),
    ] {
        write_private(&folder.join(name), text)?;
    }
    Ok(())
}
