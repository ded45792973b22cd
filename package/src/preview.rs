//! The preview of a package: what it is rendered from without being installed.

use std::fmt;

use serde_json::Value;
use stevedore_proto_core::Environment;
use stevedore_template::yaml::{Document, Documents};
use thiserror::Error as ThisError;

use crate::environment;
use crate::limit;
use crate::manifest::Scope;
use crate::package::Package;
use crate::render::{ClusterFacts, Context, DEFAULT_NAMESPACE, RenderInput};
use crate::trial::{Trial, default_input};
use crate::violation::{Invalid, Reason, Violation};

/// What a package is previewed with. What is absent is as [`Package::check`] has it where there are no test cases.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preview {
    /// A component, instead of the root.
    pub component: Option<String>,
    /// Where it is installed; else into the namespace if one is given, and else as the manifest's first scope says.
    pub scope: Option<Scope>,
    /// Its name; else that of the manifest.
    pub name: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its image.
    pub image: Option<String>,
    /// That is the image it was read from: components that it installs have to be of the same. Else their images may
    /// be called anything, as in a test case.
    pub is_from_image: bool,
    /// Its configuration; else the defaults of the schema.
    pub config: Option<Value>,
    /// The cluster.
    pub member: Option<Member>,
}

/// A cluster that a package is previewed on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    /// What templates see as `.cluster`.
    pub cluster: ClusterFacts,
    /// What templates see, in another form, as `.environment`.
    pub environment: Environment,
}

/// Why a package cannot be previewed as asked for.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum PreviewError {
    /// A package of the whole cluster has no namespace.
    #[error("a ClusterPackage has no namespace")]
    NamespaceOfCluster,
    /// There is no such test case.
    #[error("there is no test case {case:?}; {}", Cases(.cases))]
    NoCase {
        /// The one that was asked for.
        case: String,
        /// Those that there are.
        cases: Vec<String>,
    },
    /// No configuration was given, and the defaults of the schema are none.
    #[error("the defaults of the schema alone are no configuration: {missing}; {}", Cases(.cases))]
    NoDefaults {
        /// What they lack.
        missing: Invalid,
        /// Test cases, each of which has a configuration.
        cases: Vec<String>,
    },
    /// Something is wrong with the package, or with what it is previewed with.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Names of test cases, in words.
struct Cases<'c>(&'c [String]);

impl fmt::Display for Cases<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("it has no test case"),
            names => write!(f, "its test cases are {}", names.join(", ")),
        }
    }
}

impl Package {
    /// The context of a preview.
    ///
    /// # Errors
    /// When there is no such component or scope, or the configuration does not fit.
    pub fn preview(&self, preview: &Preview) -> Result<Context, PreviewError> {
        let part = self.part(preview.component.as_deref())?;
        let manifest = part.manifest();
        let scope = match (preview.scope, &preview.namespace) {
            (Some(Scope::Cluster), Some(_)) => return Err(PreviewError::NamespaceOfCluster),
            (Some(scope), _) => scope,
            (None, Some(_)) => Scope::Namespaced,
            (None, None) => manifest.scopes[0],
        };
        let default = default_input(&manifest.name, scope, None);
        let namespace = preview.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
        let namespace = (scope == Scope::Namespaced).then_some(namespace);
        let mut input = RenderInput {
            name: preview.name.clone().unwrap_or(default.name),
            component: preview.component.clone(),
            config: preview.config.clone(),
            image: preview.image.clone().unwrap_or(default.image),
            ..default
        };
        if let Some(Member {
            cluster,
            environment,
        }) = &preview.member
        {
            input.cluster = cluster.clone();
            input.environment = environment::tree(environment, namespace.as_deref());
        }
        input.namespace = namespace;
        let context = match preview.is_from_image {
            true => self.context(&input),
            false => self.defaults_context(&input),
        };
        context.map_err(|invalid| match preview.config {
            None if invalid.is_all(Reason::ConfigInvalid) => PreviewError::NoDefaults {
                missing: invalid,
                cases: part.case_names(),
            },
            _ => invalid.into(),
        })
    }

    /// The context of a test case of the root, or of a component.
    ///
    /// # Errors
    /// When there is no such component or case.
    pub fn preview_of_case(
        &self,
        component: Option<&str>,
        case: &str,
    ) -> Result<Context, PreviewError> {
        let part = self.part(component)?;
        let mut cases = part.manifest().tests.iter();
        match cases.find(|it| it.name == case) {
            Some(case) => Ok(self.trial_context(Trial::Case(case), component)?),
            None => Err(PreviewError::NoCase {
                case: case.to_owned(),
                cases: part.case_names(),
            }),
        }
    }

    /// A component, or the root.
    ///
    /// # Errors
    /// When there is no such component.
    pub fn part(&self, component: Option<&str>) -> Result<&Package, Invalid> {
        match component {
            None => Ok(self),
            Some(name) => Ok(self.component(name)?),
        }
    }

    /// Names of the test cases of the root, in order.
    pub fn case_names(&self) -> Vec<String> {
        let cases = self.manifest().tests.iter();
        cases.map(|case| case.name.clone()).collect()
    }
}

/// The configuration in a file of YAML or JSON; none in an empty one.
///
/// # Errors
/// When it cannot be read, holds several documents, or something else than a map.
pub fn read_config(file: &str, bytes: &[u8]) -> Result<Option<Value>, Invalid> {
    let mut budget = limit::render_budget();
    let mut documents = Documents::new(file, bytes);
    let mut next = || {
        let next = documents.next_within(&mut budget);
        next.map_err(|why| Violation::unreadable(file, why))
    };
    let refuse = |details: &str| Violation::new(Reason::ConfigInvalid, details).in_file(file);
    match (next()?, next()?) {
        (None, _) => Ok(None),
        (Some(Document { value, .. }), None) if value.is_object() => Ok(Some(value)),
        (Some(_), None) => Err(refuse("a configuration is a map").into()),
        (Some(_), Some(_)) => Err(refuse("it holds more than one document").into()),
    }
}

#[cfg(test)]
mod tests {
    use stevedore_proto_core::environment::{Fact, HostedCluster, HyperShift};

    use super::*;
    use crate::files::PackageFiles;

    const MANIFEST: &str = "apiVersion: manifests.package-operator.run/v1alpha1
kind: PackageManifest
metadata: {name: lamp}
spec:
  scopes: [Namespaced, Cluster]
  phases: [{name: only}]
  config:
    openAPIV3Schema:
      type: object
      required: [wick]
      properties: {wick: {type: integer}, colour: {type: string, default: red}}
test:
  template:
  - {name: bright, context: {package: {metadata: {name: beacon}}, config: {wick: 3}}}
";

    fn lamp() -> Package {
        let mut files = PackageFiles::new();
        files.insert("manifest.yaml", MANIFEST.into()).unwrap();
        Package::load(files).unwrap()
    }

    fn preview() -> Preview {
        Preview {
            config: Some(serde_json::json!({"wick": 1})),
            ..Preview::default()
        }
    }

    #[test]
    fn defaults_that_are_no_configuration_are_told_with_the_test_cases() {
        let lacking = lamp().preview(&Preview::default()).unwrap_err();
        let said = lacking.to_string();
        assert!(matches!(lacking, PreviewError::NoDefaults { .. }), "{said}");
        assert!(
            said.contains("wick") && said.ends_with("its test cases are bright"),
            "{said}"
        );
        let wrong = Preview {
            config: Some(serde_json::json!({"wick": "long"})),
            ..Preview::default()
        };
        let wrong = lamp().preview(&wrong).unwrap_err();
        assert!(matches!(wrong, PreviewError::Invalid(_)), "{wrong}");
    }

    #[test]
    fn a_preview_is_in_the_first_scope_unless_it_says_otherwise() {
        let namespace = |scope, namespace: Option<&str>| {
            let preview = Preview {
                scope,
                namespace: namespace.map(str::to_owned),
                ..preview()
            };
            let context = lamp().preview(&preview)?;
            Ok(context.value()["package"]["metadata"]["namespace"].clone())
        };
        assert_eq!(namespace(None, None), Ok("default".into()));
        assert_eq!(namespace(None, Some("harbour")), Ok("harbour".into()));
        assert_eq!(namespace(Some(Scope::Cluster), None), Ok("".into()));
        let refused = namespace(Some(Scope::Cluster), Some("harbour"));
        assert_eq!(refused, Err(PreviewError::NamespaceOfCluster));
    }

    #[test]
    fn a_case_is_found_by_name_and_a_missing_one_names_those_there_are() {
        let context = lamp().preview_of_case(None, "bright").unwrap();
        assert_eq!(context.value()["package"]["metadata"]["name"], "beacon");
        let missing = lamp().preview_of_case(None, "dim").unwrap_err();
        let said = "there is no test case \"dim\"; its test cases are bright";
        assert_eq!(missing.to_string(), said);
        assert!(lamp().preview_of_case(Some("wick"), "dim").is_err());
    }

    #[test]
    fn a_member_gives_what_the_hub_would_give() {
        let hosted = HostedCluster {
            namespace: "clusters".into(),
            name: "east".into(),
            ..HostedCluster::default()
        };
        let environment = Environment {
            kubernetes_version: "v1.33.1".into(),
            hyper_shift: Fact::Present(HyperShift {
                hosted_clusters: vec![hosted],
            }),
            ..Environment::default()
        };
        let cluster = ClusterFacts {
            name: "east".into(),
            uid: "u-1".into(),
            labels: [("tier".to_owned(), "edge".to_owned())].into(),
        };
        let expected = environment::tree(&environment, Some("clusters-east"));
        let preview = Preview {
            namespace: Some("clusters-east".into()),
            member: Some(Member {
                cluster,
                environment,
            }),
            ..preview()
        };
        let context = lamp().preview(&preview).unwrap();
        let seen = context.value();
        assert_eq!(seen["environment"], expected);
        assert_eq!(seen["cluster"]["labels"]["tier"], "edge");
        let hosted = &seen["environment"]["hyperShift"]["hostedCluster"];
        assert_eq!(hosted["metadata"]["name"], "east");
    }

    #[test]
    fn a_configuration_is_one_map_of_yaml_or_json() {
        let read = |text: &str| read_config("config.yaml", text.as_bytes());
        let given = Some(serde_json::json!({"wick": 2}));
        assert_eq!(read("wick: 2\n"), Ok(given.clone()));
        assert_eq!(read("{\"wick\": 2}"), Ok(given));
        assert_eq!(read("# nothing\n"), Ok(None));
        for (text, said) in [
            ("[1]", "a map"),
            ("a: 1\n---\nb: 2\n", "more than one document"),
            ("a: [", "config.yaml idx 0: line 1"),
        ] {
            let refused = read(text).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
        }
    }
}
