//! A package: its files, read, parsed and checked once, and rendered for as many clusters as needed.

mod plain;

use std::collections::BTreeMap;
use std::sync::Arc;

use stevedore_proto_core::digest::Digest;
use stevedore_template::budget::Budget;
use stevedore_template::error::ParseError;
use stevedore_template::resources::{Conditions, Env, Files, Limits};
use stevedore_template::set::TemplateSet;

use crate::components;
use crate::files::{
    COMPONENTS, PackageFiles, holds_objects, is_readable, is_template, package_order,
};
use crate::limit;
use crate::manifest::{self, Loaded, PackageManifest};
use crate::object::Rules;
use crate::render::Compiled;
use crate::violation::{Invalid, Position, Reason, Violation};
use crate::warning::Warnings;

pub(crate) use plain::Plain;

/// What Package Operator gives to templates as maps of strings while it is empty, and else as maps of anything.
const MAPS_OF_STRINGS: &[&[&str]] = &[
    &["package", "metadata", "labels"],
    &["package", "metadata", "annotations"],
];

/// A package whose manifest, templates and plain files were read, and those of its components. Rendering it parses
/// nothing of it again.
#[derive(Debug)]
pub struct Package {
    digest: Digest,
    manifest: PackageManifest,
    /// By name; a component has none itself.
    components: BTreeMap<String, Package>,
    /// Those that templates can read.
    files: Files,
    templates: TemplateSet,
    plain: Plain,
    compiled: Arc<Compiled>,
    warnings: Warnings,
    bytes: usize,
}

impl Package {
    /// Reads a package and its components: templates and files of all of them from one budget of the size that a
    /// rendering has, what would exhaust that is refused here. The expressions of each manifest have a budget of their
    /// own.
    ///
    /// # Errors
    /// With everything that is wrong with it before anything is rendered.
    pub fn load(mut files: PackageFiles) -> Result<Package, Invalid> {
        let digest = files.digest();
        let mut budget = limit::render_budget();
        // What is told of a package that is refused anyway does not take from what reading the rest may cost.
        let mut telling = limit::render_budget();
        let manifest = manifest::load(&files, None);
        // Whose the files below the folder of components are, the manifest says.
        let parts = match &manifest {
            Ok(loaded) if loaded.manifest.has_components => components::split(&mut files),
            Ok(_) => Ok(BTreeMap::new()),
            Err(_) => {
                files.take_below(COMPONENTS);
                Ok(BTreeMap::new())
            }
        };
        let (parts, misplaced) = match parts {
            Ok(parts) => (parts, None),
            Err(found) => (BTreeMap::new(), Some(Invalid::of(found))),
        };
        let mut wrong: Vec<Invalid> = misplaced.into_iter().collect();
        let compiled = Arc::default();
        let mut budgets = (&mut budget, &mut telling);
        let root = Package::read(digest, manifest, files, &compiled, &mut budgets);
        let root = root.map_err(|found| wrong.push(found)).ok();
        let mut components = BTreeMap::new();
        for (name, files) in parts {
            if budgets.0.is_exhausted() {
                break;
            }
            let manifest = manifest::load(&files, Some(&name));
            match Package::read(digest, manifest, files, &compiled, &mut budgets) {
                Ok(component) => {
                    components.insert(name, component);
                }
                Err(found) => wrong.push(found.in_component(&name)),
            }
        }
        let mut warnings = Warnings::default();
        if let Some(root) = &root {
            warnings.extend(&root.warnings);
        }
        for (name, component) in &components {
            warnings.extend(&component.warnings.in_component(name));
        }
        if let Some(invalid) = wrong.into_iter().reduce(Invalid::and) {
            warnings.extend(invalid.warnings());
            return Err(invalid.with_warnings(&warnings));
        }
        let mut root = root.expect("a package that cannot be read has violations");
        root.bytes += components.values().map(Package::bytes).sum::<usize>();
        let has_templates = |part: &Package| !part.template_paths().is_empty();
        if has_templates(&root) || components.values().any(has_templates) {
            root.bytes += Compiled::BYTES;
        }
        root.warnings = warnings;
        root.components = components;
        Ok(root)
    }

    /// Reads a root without its components, or one component.
    fn read(
        digest: Digest,
        manifest: Result<Loaded, Vec<Violation>>,
        files: PackageFiles,
        compiled: &Arc<Compiled>,
        (budget, telling): &mut (&mut Budget, &mut Budget),
    ) -> Result<Package, Invalid> {
        let file_bytes = files.bytes();
        let mut violations = Vec::new();
        let loaded = manifest.map_err(|found| violations.extend(found)).ok();
        let mut files = files.into_map();
        files.retain(|path, _| is_readable(path));
        let mut unusable = Vec::new();
        let templates = parse_templates(&files, budget);
        let templates = templates.unwrap_or_else(|found| {
            unusable.extend(found);
            TemplateSet::default()
        });
        let mut plain = Plain::default();
        for (path, bytes) in files.iter().filter(|(path, _)| holds_objects(path)) {
            if budget.is_exhausted() {
                break;
            }
            unusable.extend(plain.read(path, bytes, budget));
        }
        let mut warnings = Warnings::default();
        match loaded {
            Some(loaded) if loaded.violations.is_empty() && unusable.is_empty() => {
                let manifest = loaded.manifest;
                warnings.extend(&manifest.warnings);
                warnings.extend(&plain.warnings);
                let bytes = file_bytes + templates.bytes() + plain.bytes() + manifest.bytes();
                return Ok(Package {
                    digest,
                    manifest,
                    components: BTreeMap::new(),
                    files,
                    templates,
                    plain,
                    compiled: Arc::clone(compiled),
                    warnings,
                    bytes,
                });
            }
            Some(loaded) => {
                warnings.extend(&loaded.manifest.warnings);
                // Nothing of it will be rendered: what can be known of its objects is told here.
                unusable.extend(plain.faults(&loaded, &files, telling));
                violations.extend(loaded.violations);
            }
            None => {}
        }
        warnings.extend(&plain.warnings);
        violations.extend(unusable);
        Err(Invalid::of(violations).with_warnings(&warnings))
    }

    /// Digest of the package's files, those of all components included; a component has that of the whole.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The manifest.
    pub fn manifest(&self) -> &PackageManifest {
        &self.manifest
    }

    /// What its author should look at, in manifests, lock files and plain files of objects, those of components
    /// included. What templates write has warnings of its own, in [`crate::render::Rendered`].
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Its components, by name.
    pub fn components(&self) -> impl Iterator<Item = (&str, &Package)> {
        let all = self.components.iter();
        all.map(|(name, component)| (name.as_str(), component))
    }

    /// A component by name.
    ///
    /// # Errors
    /// When there is none of this name; the violation names those that there are.
    pub fn component(&self, name: &str) -> Result<&Package, Violation> {
        if !self.manifest.has_components {
            let details = format!("{name:?} is asked for, and the manifest has no spec.components");
            return Err(Violation::new(Reason::ComponentsNotEnabled, details));
        }
        self.components.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.components().map(|(name, _)| name).collect();
            let details = match names.as_slice() {
                [] => format!("{name:?}; the package has no component"),
                names => format!("{name:?} is none of {}", names.join(", ")),
            };
            Violation::new(Reason::ComponentNotFound, details)
        })
    }

    /// About how many bytes the package takes in memory: its files, and what was parsed of them; components included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Paths of all templates, in the order they are executed.
    pub(crate) fn template_paths(&self) -> Vec<&str> {
        template_paths(&self.files)
    }

    pub(crate) fn templates(&self) -> &TemplateSet {
        &self.templates
    }

    /// What templates see besides the context.
    pub(crate) fn env<'e>(&'e self, conditions: &'e dyn Conditions) -> Env<'e> {
        Env {
            conditions: Some(conditions),
            ..env(&self.files)
        }
    }

    /// Conditions that its templates wrote.
    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// What is wrong with the objects of plain files whatever the package is rendered from: for where it is not rendered.
    pub(crate) fn plain_faults(
        &self,
        instance: &str,
        namespace: Option<&str>,
        budget: &mut Budget,
    ) -> Vec<Violation> {
        let rules = Rules {
            package: &self.manifest.name,
            instance,
            namespace,
            phases: Some(&self.manifest.phases),
        };
        self.plain.faults_by(&rules, &self.files, budget)
    }

    pub(crate) fn plain(&self) -> &Plain {
        &self.plain
    }

    /// The text of a file, if templates can read it and it is one.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(path)?).ok()
    }
}

fn env(files: &Files) -> Env<'_> {
    Env {
        files: Some(files),
        conditions: None,
        maps_of_strings: MAPS_OF_STRINGS,
        limits: Limits::default(),
    }
}

fn template_paths(files: &Files) -> Vec<&str> {
    let mut paths: Vec<&str> = files
        .keys()
        .map(String::as_str)
        .filter(|path| is_template(path))
        .collect();
    paths.sort_by(|one, other| package_order(one, other));
    paths
}

fn parse_templates(files: &Files, budget: &mut Budget) -> Result<TemplateSet, Vec<Violation>> {
    let mut sources = Vec::new();
    let mut violations = Vec::new();
    for path in template_paths(files) {
        match std::str::from_utf8(&files[path]) {
            Ok(text) => sources.push((path, text)),
            Err(_) => {
                let violation = Violation::new(Reason::Template, "not UTF-8 text");
                violations.push(violation.in_file(path));
            }
        }
    }
    let templates = TemplateSet::parse(sources, &env(files), budget);
    let templates = templates.map_err(|errors| {
        violations.extend(errors.into_iter().map(unparsed));
    });
    templates
        .ok()
        .filter(|_| violations.is_empty())
        .ok_or(violations)
}

/// What is wrong with a template that cannot be parsed.
fn unparsed(error: ParseError) -> Violation {
    match error {
        ParseError::Syntax {
            file,
            line,
            message,
        } => {
            let violation = Violation::new(Reason::Template, message).in_file(&file);
            violation.on(Position {
                line: line as usize,
                column: None,
            })
        }
        ParseError::TooLarge { file } => {
            let details = format!(
                "the templates have more than {} parts",
                limit::TEMPLATE_PARTS
            );
            Violation::new(Reason::TooLarge, details).in_file(&file)
        }
        ParseError::Exhausted { file, exhausted } => Violation::costly(exhausted).in_file(&file),
    }
}
