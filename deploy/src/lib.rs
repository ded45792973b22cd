//! The manifests that install Stevedore, as text.
//!
//! They are files of this folder, so that `kubectl apply` takes them as they are; this library
//! carries them into the programs that install from nothing (the demo, the tests).

/// Account and roles of the hub, in namespace `stevedore-system` of the hub cluster, and the admission policies:
/// requesters of actions are held to their own names, only the hub's account writes revisions and ledgers, and
/// configs of packages are bounded in size and depth.
pub const HUB: &str = include_str!("../hub.yaml");
/// Account and roles of the agent, in namespace `stevedore-system` of a member.
pub const AGENT: &str = include_str!("../agent.yaml");
/// What the agent may read besides of a member that is OpenShift or holds control planes of other clusters; the
/// namespace `openshift-config` has to be there.
pub const AGENT_OPENSHIFT: &str = include_str!("../agent-openshift.yaml");
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

    /// The values of a key in the documents of a kind.
    fn values<'a>(kind: &str, key: &str) -> Vec<&'a str> {
        let kind = format!("kind: {kind}");
        let documents = HUB.split("\n---\n");
        documents
            .filter(|document| document.lines().any(|line| line == kind))
            .flat_map(str::lines)
            .filter_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(": "))
            .collect()
    }

    #[test]
    fn the_policy_about_records_names_the_account_that_is_installed() {
        let (name, namespace) = (
            values("ServiceAccount", "name"),
            values("ServiceAccount", "namespace"),
        );
        assert_eq!((name.len(), namespace.len()), (1, 1));
        let account = format!("\"'system:serviceaccount:{}:{}'\"", namespace[0], name[0]);
        let expressions = values("ValidatingAdmissionPolicy", "expression");
        assert!(expressions.contains(&account.as_str()), "{expressions:?}");
    }

    #[test]
    fn the_policy_about_configs_has_the_bounds_of_the_kind() {
        use stevedore_crds::v1alpha1::{CONFIG_DEPTH, CONFIG_SIZE};
        let mut expression = format!(
            "      variables.size > {CONFIG_SIZE} ||\n      [object.spec.config].all(v0,\n"
        );
        for (at, inner) in (0..CONFIG_DEPTH).zip(1..) {
            expression += &format!(
                "      (type(v{at}) == map ? v{at}.map(k, v{at}[k]) : type(v{at}) == list ? v{at} : []).all(v{inner},\n"
            );
        }
        let last = CONFIG_DEPTH;
        expression += &format!("      type(v{last}) != map && type(v{last}) != list");
        expression += &")".repeat(CONFIG_DEPTH + 1);
        assert!(HUB.contains(&expression), "expected:\n{expression}");
        for words in [
            format!("variables.size <= {CONFIG_SIZE}\n"),
            format!("message: spec.config is larger than {CONFIG_SIZE} characters\n"),
            format!("message: spec.config is nested more than {CONFIG_DEPTH} levels deep\n"),
        ] {
            assert!(HUB.contains(&words), "{words}");
        }
    }

    #[test]
    fn every_policy_is_bound() {
        let policies = values("ValidatingAdmissionPolicy", "name");
        let bound = values("ValidatingAdmissionPolicyBinding", "policyName");
        assert_eq!(policies, bound);
    }

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
