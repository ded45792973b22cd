//! The example package: what an author begins with who has no manifests yet.

use super::check_name;
use crate::files::PackageFiles;
use crate::manifest::Scope;
use crate::names;
use crate::violation::{Invalid, Reason, Violation};

const MANIFEST: &str = include_str!("example/manifest.yaml");
const NAMESPACE: &str = include_str!("example/namespace.yaml.gotmpl");
const DEPLOYMENT: &str = include_str!("example/deployment.yaml.gotmpl");

/// A small package that validates, renders, tests and builds: one Deployment with a configuration, a probe and a test
/// case; for a cluster with a Namespace of its own.
///
/// # Errors
/// When `name` is no DNS label (RFC 1123), for it names objects too.
pub fn example(name: &str, scope: Scope) -> Result<PackageFiles, Invalid> {
    check_name(name)?;
    if let Err(why) = names::check_label(name) {
        let details = format!("name {name:?} is to be one of objects: {why}");
        return Err(Violation::new(Reason::ManifestInvalid, details).into());
    }
    let phases = match scope {
        Scope::Cluster => "    - name: namespace\n    - name: deploy\n",
        Scope::Namespaced => "    - name: deploy\n",
    };
    // In the object metadata of a test case, as on a cluster.
    let namespace = match scope {
        Scope::Cluster => "",
        Scope::Namespaced => "            namespace: default\n",
    };
    let installed_in = match scope {
        Scope::Cluster => ".package.metadata.name",
        Scope::Namespaced => ".package.metadata.namespace",
    };
    let fill = |text: &str| {
        text.replace("@NAME@", name)
            .replace("@SCOPE@", &format!("{scope:?}"))
            .replace("    @PHASES@\n", phases)
            .replace("            @NAMESPACE@\n", namespace)
            .replace("@INSTALLED-IN@", installed_in)
    };
    let mut files = PackageFiles::new();
    let mut contents = vec![
        ("manifest.yaml", MANIFEST),
        ("deployment.yaml.gotmpl", DEPLOYMENT),
    ];
    if scope == Scope::Cluster {
        contents.push(("namespace.yaml.gotmpl", NAMESPACE));
    }
    for (path, text) in contents {
        let inserted = files.insert(path, fill(text).into_bytes());
        inserted.expect("small files with plain names fit into a package");
    }
    Ok(files)
}
