//! The constraints of a manifest: which clusters a package may be installed on.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use stevedore_proto_core::environment::Fact;
use stevedore_proto_core::{Environment, Reason};
use stevedore_template::version_range::VersionRange;

use super::problems::{Problems, at, items};

/// Constraints of one package.
pub(super) const MAX_CONSTRAINTS: usize = 32;
const FIELD: &str = "spec.constraints";

/// A platform that a package may be constrained to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Platform {
    /// Every cluster is that, also one of OpenShift.
    Kubernetes,
    /// A cluster with a `ClusterVersion`.
    OpenShift,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Everything that has to hold of a cluster for a package to be installed there.
#[derive(Debug, Clone, Default)]
pub struct Constraints {
    /// Of each list one platform has to be the cluster's.
    platforms: Vec<Vec<Platform>>,
    versions: Vec<PlatformVersion>,
    is_unique: bool,
}

#[derive(Debug, Clone)]
struct PlatformVersion {
    platform: Platform,
    text: String,
    range: std::sync::Arc<VersionRange>,
}

/// What keeps a package from a cluster, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// The cluster is none that the package is for.
    Ineligible(Reason, String),
    /// What decides is not known of the cluster.
    Unknown(String),
}

/// Reads and checks the constraints.
pub(super) fn parse(value: &Value, problems: &mut Problems<'_>) -> Constraints {
    let mut constraints = Constraints::default();
    let count = items(at(value, FIELD)).count();
    if count > MAX_CONSTRAINTS {
        let what = format!("{count} constraints, the limit is {MAX_CONSTRAINTS}");
        problems.add(FIELD, what);
        return constraints;
    }
    for (number, entry) in items(at(value, FIELD)) {
        let field = format!("{FIELD}[{number}]");
        let mut platforms: Vec<Platform> = Vec::new();
        for (number, platform) in items(entry.get("platform")) {
            let platform = problems.read(platform, &format!("{field}.platform[{number}]"));
            platforms.extend::<Option<Platform>>(platform);
        }
        if !platforms.is_empty() {
            constraints.platforms.push(platforms);
        }
        match entry.get("uniqueInScope") {
            None | Some(Value::Null) => {}
            Some(Value::Object(_)) => constraints.is_unique = true,
            Some(_) => problems.add(&format!("{field}.uniqueInScope"), "must be a map: {}"),
        }
        if let Some(version) = entry.get("platformVersion") {
            let field = format!("{field}.platformVersion");
            let version = platform_version(version, &field, problems);
            constraints.versions.extend(version);
        }
    }
    constraints
}

fn platform_version(
    entry: &Value,
    field: &str,
    problems: &mut Problems<'_>,
) -> Option<PlatformVersion> {
    let has_all = problems.has(entry, field, &["name", "range"]);
    let name = entry.get("name");
    let platform = name.and_then(|name| problems.read(name, &format!("{field}.name")));
    let text = entry.get("range").and_then(Value::as_str)?;
    let range_field = format!("{field}.range");
    if text.is_empty() {
        problems.add(&range_field, "Required value");
        return None;
    }
    match VersionRange::parse(text) {
        Ok(range) if has_all => Some(PlatformVersion {
            platform: platform?,
            text: text.to_owned(),
            range: range.into(),
        }),
        Ok(_) => None,
        Err(why) => {
            problems.add(&range_field, format!("Invalid value: {text:?}: {why}"));
            None
        }
    }
}

impl Constraints {
    /// Whether the package has to be the only one of its manifest name in the cluster, or for a namespaced one in its
    /// namespace.
    pub fn is_unique_in_scope(&self) -> bool {
        self.is_unique
    }

    /// Whether the platform of a cluster decides anything.
    pub fn has_platform(&self) -> bool {
        !(self.platforms.is_empty() && self.versions.is_empty())
    }

    /// Checks what the platform of a cluster decides. That it is another one counts for more than that something is
    /// not known.
    ///
    /// # Errors
    /// With the first constraint that is not met.
    pub fn check(&self, environment: &Environment) -> Result<(), Unmet> {
        let platforms = self.platforms.iter();
        let platforms = platforms.map(|platforms| has_platform(platforms, environment));
        let versions = self.versions.iter();
        let versions = versions.map(|version| version.check(environment));
        let mut unmet = platforms.chain(versions).filter_map(Result::err);
        let first = unmet.next();
        let ineligible = |it: &Unmet| matches!(it, Unmet::Ineligible(..));
        match first {
            None => Ok(()),
            Some(first) if ineligible(&first) => Err(first),
            Some(first) => Err(unmet.find(ineligible).unwrap_or(first)),
        }
    }
}

fn has_platform(platforms: &[Platform], environment: &Environment) -> Result<(), Unmet> {
    if platforms.contains(&Platform::Kubernetes) {
        return Ok(());
    }
    match environment.open_shift {
        Fact::Present(_) => Ok(()),
        Fact::Absent => Err(Unmet::Ineligible(
            Reason::WrongPlatform,
            "the package is for OpenShift, and the cluster is not".to_owned(),
        )),
        Fact::Unknown => Err(Unmet::unknown_platform()),
    }
}

impl PlatformVersion {
    /// One for another platform does not concern a cluster.
    fn check(&self, environment: &Environment) -> Result<(), Unmet> {
        let version = match (self.platform, &environment.open_shift) {
            (Platform::Kubernetes, _) => &environment.kubernetes_version,
            (Platform::OpenShift, Fact::Present(found)) => &found.version,
            (Platform::OpenShift, Fact::Absent) => return Ok(()),
            (Platform::OpenShift, Fact::Unknown) => return Err(Unmet::unknown_platform()),
        };
        let Self { platform, text, .. } = self;
        match self.range.allows(version) {
            Some(true) => Ok(()),
            Some(false) => Err(Unmet::Ineligible(
                Reason::WrongPlatformVersion,
                format!("the package is for {platform} {text}, and the cluster has {version}"),
            )),
            None if version.is_empty() => Err(Unmet::Unknown(format!(
                "the version of {platform} on the cluster is not known yet"
            ))),
            None => Err(Unmet::Unknown(format!(
                "the version of {platform} on the cluster, {version:?}, cannot be read as one"
            ))),
        }
    }
}

impl Unmet {
    fn unknown_platform() -> Self {
        Self::Unknown(
            "whether the cluster is OpenShift is not known: its agent is of an earlier release, or may not read \
             ClusterVersion (see deploy/agent-openshift.yaml)"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use stevedore_proto_core::environment::OpenShift;

    use super::*;
    use crate::violation;

    fn parsed(constraints: &Value) -> (Constraints, Vec<String>) {
        let document = stevedore_template::yaml::document("manifest.yaml", b"{}").unwrap();
        let mut problems = Problems {
            path: "manifest.yaml",
            reason: violation::Reason::ManifestInvalid,
            found: Vec::new(),
            told: BTreeSet::new(),
            document,
        };
        let manifest = serde_json::json!({"spec": {"constraints": constraints}});
        let constraints = parse(&manifest, &mut problems);
        let details = problems.found.into_iter().map(|found| found.details);
        (constraints, details.collect())
    }

    fn good(constraints: Value) -> Constraints {
        let (constraints, problems) = parsed(&constraints);
        assert_eq!(problems, Vec::<String>::new());
        constraints
    }

    fn kubernetes(version: &str) -> Environment {
        Environment {
            kubernetes_version: version.into(),
            open_shift: Fact::Absent,
            ..Environment::default()
        }
    }

    fn open_shift(version: &str) -> Environment {
        Environment {
            open_shift: Fact::Present(OpenShift {
                version: version.into(),
                managed: None,
            }),
            ..kubernetes("v1.33.1")
        }
    }

    /// An agent of the release before says no more than this.
    fn unknown() -> Environment {
        Environment {
            open_shift: Fact::Unknown,
            ..kubernetes("v1.33.1")
        }
    }

    /// The reason that keeps a package away: of what is not known, `-`.
    fn reason(constraints: &Constraints, environment: &Environment) -> Option<String> {
        match constraints.check(environment) {
            Ok(()) => None,
            Err(Unmet::Ineligible(reason, _)) => Some(reason.to_string()),
            Err(Unmet::Unknown(_)) => Some("-".to_owned()),
        }
    }

    #[test]
    fn one_platform_of_a_list_has_to_be_the_clusters_and_every_list_has_to_hold() {
        for (constraints, on_kubernetes, on_unknown) in [
            (r#"[]"#, None, None),
            (r#"[{"platform": ["Kubernetes"]}]"#, None, None),
            (r#"[{"platform": []}]"#, None, None),
            (
                r#"[{"platform": ["OpenShift"]}]"#,
                Some("WrongPlatform"),
                Some("-"),
            ),
            (r#"[{"platform": ["Kubernetes", "OpenShift"]}]"#, None, None),
            (
                r#"[{"platform": ["Kubernetes"]}, {"platform": ["OpenShift"]}]"#,
                Some("WrongPlatform"),
                Some("-"),
            ),
        ] {
            let found = good(serde_json::from_str(constraints).unwrap());
            assert_eq!(reason(&found, &open_shift("4.17.3")), None, "{constraints}");
            let plain = reason(&found, &kubernetes("v1.33.1"));
            assert_eq!(plain.as_deref(), on_kubernetes, "{constraints}");
            let older = reason(&found, &unknown());
            assert_eq!(older.as_deref(), on_unknown, "{constraints}");
        }
    }

    #[test]
    fn a_version_constrains_its_own_platform_alone() {
        let of = |name: &str, range: &str| {
            good(serde_json::json!([{"platformVersion": {"name": name, "range": range}}]))
        };
        let newer = of("OpenShift", ">=4.16.x");
        assert_eq!(reason(&newer, &open_shift("4.17.3")), None);
        let older = reason(&newer, &open_shift("4.15.9"));
        assert_eq!(older.as_deref(), Some("WrongPlatformVersion"));
        assert_eq!(reason(&newer, &kubernetes("v1.20.0")), None);
        assert_eq!(reason(&newer, &unknown()).as_deref(), Some("-"));
        // While the first update is under way.
        assert_eq!(reason(&newer, &open_shift("")).as_deref(), Some("-"));
        let kubernetes_range = of("Kubernetes", ">=1.33 <2.0.0");
        assert_eq!(
            reason(&kubernetes_range, &kubernetes("v1.33.1-gke.7")),
            None
        );
        let old = reason(&kubernetes_range, &kubernetes("v1.32.9"));
        assert_eq!(old.as_deref(), Some("WrongPlatformVersion"));
        assert_eq!(
            reason(&kubernetes_range, &kubernetes("")).as_deref(),
            Some("-")
        );
        assert_eq!(
            reason(&kubernetes_range, &kubernetes("odd")).as_deref(),
            Some("-")
        );
    }

    #[test]
    fn that_a_cluster_is_another_one_counts_for_more_than_that_something_is_not_known() {
        let constraints = good(serde_json::json!([
            {"platform": ["OpenShift"]},
            {"platformVersion": {"name": "Kubernetes", "range": ">=1.40"}},
        ]));
        let found = reason(&constraints, &unknown());
        assert_eq!(found.as_deref(), Some("WrongPlatformVersion"));
    }

    #[test]
    fn uniqueness_is_asked_for_by_an_empty_map() {
        assert!(good(serde_json::json!([{"uniqueInScope": {}}])).is_unique_in_scope());
        assert!(!good(serde_json::json!([{"uniqueInScope": null}])).is_unique_in_scope());
        assert!(!good(serde_json::json!([{}])).is_unique_in_scope());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (constraints, expected) in [
            (
                serde_json::json!([{"platformVersion": {"name": "Kubernetes", "range": "banana"}}]),
                "spec.constraints[0].platformVersion.range: Invalid value: \"banana\": improper constraint",
            ),
            (
                serde_json::json!([{}, {"platformVersion": {"range": ">=1"}}]),
                "spec.constraints[1].platformVersion.name: Required value",
            ),
            (
                serde_json::json!([{"platformVersion": {"name": "OpenShift"}}]),
                "spec.constraints[0].platformVersion.range: Required value",
            ),
            (
                serde_json::json!([{"platform": ["Nomad"]}]),
                "spec.constraints[0].platform[0]: Invalid value: unknown variant `Nomad`, expected `Kubernetes` or `OpenShift`",
            ),
            (
                serde_json::json!(vec![serde_json::json!({}); MAX_CONSTRAINTS + 1]),
                "spec.constraints: 33 constraints, the limit is 32",
            ),
        ] {
            let (_, problems) = parsed(&constraints);
            let found = problems.iter().any(|problem| problem.starts_with(expected));
            assert!(found, "{expected} in {problems:?}");
        }
    }
}
