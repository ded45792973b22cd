//! A package: its files, read and checked once, rendered for as many clusters as needed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::json;
use stevedore_proto_core::digest::Digest;
use stevedore_template::budget::Budget;
use stevedore_template::yaml::{self, Documents, Unreadable};
use stevedore_template::{self as template, Env, Limits, TemplateSet};

use crate::files::{PackageFiles, package_order};
use crate::limit;
use crate::manifest::{self, PackageManifest, Scope, TestCase};
use crate::render::{ClusterFacts, RenderInput};
use crate::violation::{Invalid, Reason, Violation};

const SUFFIX: &str = ".gotmpl";

/// A package whose manifest, templates and plain files were read.
#[derive(Debug, Clone)]
pub struct Package {
    digest: Digest,
    manifest: Arc<PackageManifest>,
    files: Arc<BTreeMap<String, Vec<u8>>>,
}

/// What [`Package::check`] found nothing wrong with, and how far it could look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validated {
    /// The ways to install the package in which it was not rendered; empty when all that was asked for was.
    pub not_rendered: Vec<NotRendered>,
}

/// One way to install a package, in which nobody knows whether it renders: its defaults alone are not a
/// configuration, and it has no test case that gives one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRendered {
    /// Where it would be installed.
    pub scope: Scope,
    /// What the defaults lack.
    pub missing: Invalid,
}

impl fmt::Display for NotRendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotRendered { scope, missing } = self;
        write!(
            f,
            "templates and objects were not looked at in scope {scope:?}, because the defaults alone are no \
             configuration ({missing}); give one in a test case under test.template of the manifest"
        )
    }
}

impl Package {
    /// Reads a package.
    ///
    /// # Errors
    /// With everything that is wrong with it before anything is rendered.
    pub fn load(files: PackageFiles) -> Result<Package, Invalid> {
        let digest = files.digest();
        let mut violations = Vec::new();
        let manifest = manifest::load(&files)
            .map_err(|found| violations.extend(found))
            .ok();
        let files = Arc::new(files.into_map());
        // What a rendering could not afford to read is not read in vain.
        let mut budget = limit::render_budget();
        if let Err(violation) = parse_templates(&files, &environment(&files), &mut budget) {
            violations.push(violation);
        }
        for (path, bytes) in files.iter().filter(|(path, _)| holds_objects(path)) {
            violations.extend(unreadable(path, bytes, &mut budget));
            if budget.is_exhausted() {
                break;
            }
        }
        Invalid::check(violations)?;
        let manifest = manifest.expect("a manifest that cannot be read is a violation");
        Ok(Package {
            digest,
            manifest: Arc::new(manifest),
            files,
        })
    }

    /// Digest of the package's files.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The manifest.
    pub fn manifest(&self) -> &PackageManifest {
        &self.manifest
    }

    /// Renders the package's own test cases, or without any the defaults in each of its scopes, and gives
    /// what is wrong with the results. For authors: what a hub orders is checked when it is rendered.
    ///
    /// # Errors
    /// With the violations of the first case that has any.
    pub fn check(&self) -> Result<Validated, Invalid> {
        let mut validated = Validated::default();
        let cases = &self.manifest.tests;
        for case in cases {
            let context = self.context(&case_input(case));
            context
                .and_then(|context| self.render(&context))
                .map_err(|invalid| invalid.in_case(&case.name))?;
        }
        if cases.is_empty() {
            for scope in &self.manifest.scopes {
                match self.context(&default_input(&self.manifest.name, *scope)) {
                    Ok(context) => {
                        self.render(&context)?;
                    }
                    Err(missing) if missing.is_all(Reason::ConfigInvalid) => {
                        validated.not_rendered.push(NotRendered {
                            scope: *scope,
                            missing,
                        });
                    }
                    Err(invalid) => return Err(invalid),
                }
            }
        }
        Ok(validated)
    }

    /// Paths of all templates, in the order they are executed.
    pub(crate) fn template_paths(&self) -> Vec<&str> {
        template_paths(&self.files)
    }

    /// Files of objects that are no templates.
    pub(crate) fn plain_files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let objects = self.files.iter().filter(|(path, _)| holds_objects(path));
        objects.map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// The functions of this package's templates, and the templates.
    pub(crate) fn templates(&self, budget: &mut Budget) -> Result<(Env, TemplateSet), Violation> {
        let env = environment(&self.files);
        let set = parse_templates(&self.files, &env, budget)?;
        Ok((env, set))
    }
}

/// The path a template's output is stored under.
pub(crate) fn output_path(template: &str) -> &str {
    template.strip_suffix(SUFFIX).unwrap_or(template)
}

/// Whether a file's documents are objects: YAML that is neither a manifest nor a helper.
pub(crate) fn holds_objects(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let manifests = [
        "manifest.yaml",
        "manifest.yml",
        "manifest.lock.yaml",
        "manifest.lock.yml",
    ];
    (path.ends_with(".yaml") || path.ends_with(".yml"))
        && !name.starts_with('_')
        && !manifests.contains(&path)
        && !path.starts_with("components/")
}

/// What is wrong with the YAML of a file of objects.
fn unreadable(path: &str, bytes: &[u8], budget: &mut Budget) -> Option<Violation> {
    let costly = |exhausted| Some(Violation::costly(exhausted).in_file(path));
    if let Err(exhausted) = budget.charge(yaml::cost_of_text(bytes.len())) {
        return costly(exhausted);
    }
    let mut documents = match Documents::new(path, bytes) {
        Ok(documents) => documents,
        Err(error) => return Some(invalid_yaml(error)),
    };
    loop {
        match documents.next_within(budget) {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(Unreadable::Yaml(error)) => return Some(invalid_yaml(error)),
            Err(Unreadable::Exhausted(exhausted)) => return costly(exhausted),
        }
    }
}

/// A YAML error as a violation.
pub(crate) fn invalid_yaml(error: yaml::YamlError) -> Violation {
    Violation::new(
        Reason::InvalidYaml,
        format!("line {}: {}", error.line, error.message),
    )
    .at(&error.path, error.index)
}

fn environment(files: &Arc<BTreeMap<String, Vec<u8>>>) -> Env {
    template::with_files(Arc::clone(files), Limits::default())
}

fn template_paths(files: &BTreeMap<String, Vec<u8>>) -> Vec<&str> {
    let is_template = |path: &&str| path.ends_with(SUFFIX) && !path.starts_with("components/");
    let mut paths: Vec<&str> = files
        .keys()
        .map(String::as_str)
        .filter(is_template)
        .collect();
    paths.sort_by(|one, other| package_order(one, other));
    paths
}

/// Parses all templates, a step for each byte.
fn parse_templates(
    files: &BTreeMap<String, Vec<u8>>,
    env: &Env,
    budget: &mut Budget,
) -> Result<TemplateSet, Violation> {
    let mut sources = Vec::new();
    for path in template_paths(files) {
        budget
            .charge(files[path].len() as u64)
            .map_err(|exhausted| Violation::costly(exhausted).in_file(path))?;
        let text = std::str::from_utf8(&files[path])
            .map_err(|_| Violation::new(Reason::Template, "not UTF-8 text").in_file(path))?;
        sources.push((path, text));
    }
    TemplateSet::parse(sources, env).map_err(|error| {
        Violation::new(
            Reason::Template,
            format!("line {}: {}", error.line, error.message),
        )
        .in_file(&error.file)
    })
}

fn case_input(case: &TestCase) -> RenderInput {
    let metadata = &case.context.package.metadata;
    RenderInput {
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        labels: metadata.labels.clone(),
        annotations: metadata.annotations.clone(),
        image: case.context.package.image.clone(),
        config: case.context.config.clone(),
        environment: case
            .context
            .environment
            .clone()
            .unwrap_or_else(example_environment),
        ..default_input(&metadata.name, Scope::Cluster)
    }
}

fn default_input(name: &str, scope: Scope) -> RenderInput {
    RenderInput {
        name: name.to_owned(),
        namespace: (scope == Scope::Namespaced).then(|| "default".to_owned()),
        image: format!("registry.example/{name}:test"),
        environment: example_environment(),
        cluster: ClusterFacts {
            name: "example".to_owned(),
            uid: "00000000-0000-0000-0000-000000000000".to_owned(),
            labels: BTreeMap::new(),
        },
        ..RenderInput::default()
    }
}

fn example_environment() -> serde_json::Value {
    json!({"kubernetes": {"version": "v1.36.0"}})
}
