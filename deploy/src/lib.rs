//! The manifests that install Stevedore, as text.
//!
//! They are files of this folder, so that `kubectl apply` takes them as they are; this library
//! carries them into the programs that install from nothing (the demo, the tests).

/// Account and roles of the hub, in namespace `stevedore-system` of the hub cluster, and the admission policy
/// that holds requesters of actions to their own names.
pub const HUB: &str = include_str!("../hub.yaml");
/// Account and roles of the agent, in namespace `stevedore-system` of a member.
pub const AGENT: &str = include_str!("../agent.yaml");
/// An account for packages, bound to a role that lists just the kinds of the example package, and
/// the MemberPolicy that makes it the default.
pub const PACKAGES_EXAMPLE: &str = include_str!("../packages-example.yaml");

macro_rules! definitions {
    ($($plural:literal),* $(,)?) => {
        &[$(include_str!(concat!("../crds/", $plural, ".stevedore.dev.yaml"))),*]
    };
}

/// Definitions of the kinds that the hub cluster serves.
pub const HUB_DEFINITIONS: &[&str] = definitions!(
    "memberclusters",
    "clusterpackages",
    "packages",
    "packagerevisions",
    "packageledgers",
    "packageactions",
);
/// Definitions of the kinds that a member serves.
pub const MEMBER_DEFINITIONS: &[&str] = definitions!(
    "clusterobjectsets",
    "objectsets",
    "clusterobjectdeployments",
    "objectdeployments",
    "memberpolicies",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_committed_definition_is_carried_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        let mut carried: Vec<_> = [HUB_DEFINITIONS, MEMBER_DEFINITIONS]
            .concat()
            .iter()
            .map(|&text| text.to_owned())
            .collect();
        files.sort();
        carried.sort();
        assert!(
            files == carried,
            "a file of deploy/crds is carried never or twice"
        );
    }
}
