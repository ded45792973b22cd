//! A package: its files, read, parsed and checked once, and rendered for as many clusters as needed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use stevedore_cel::Program;
use stevedore_proto_core::digest::Digest;
use stevedore_template::budget::Budget;
use stevedore_template::error::ParseError;
use stevedore_template::resources::{Conditions, Env, Files, Limits};
use stevedore_template::set::TemplateSet;
use stevedore_template::yaml::{Document, Documents};

use crate::components;
use crate::files::{
    COMPONENTS, PackageFiles, holds_objects, is_readable, is_template, package_order,
};
use crate::limit;
use crate::manifest::{self, PackageManifest};
use crate::object::condition;
use crate::render::Compiled;
use crate::violation::{Invalid, Position, Reason, Violation};
use crate::warning::Warnings;

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

/// What the files of objects that are no templates hold.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// Documents by path.
    pub(crate) files: Vec<(String, Vec<Document>)>,
    /// The conditions of their objects, by their text. One that does not compile is an error of a rendering.
    pub(crate) conditions: HashMap<String, Arc<Program>>,
    warnings: Warnings,
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
        let mut violations = Vec::new();
        let manifest = manifest::load(&files, None);
        // Whose the files below the folder of components are, the manifest says.
        let has_components = manifest.as_ref().is_ok_and(|it| it.has_components);
        let parts = if has_components {
            components::split(&mut files)
        } else if manifest.is_err() {
            files.take_below(COMPONENTS);
            Ok(BTreeMap::new())
        } else {
            Ok(BTreeMap::new())
        };
        let parts = parts.unwrap_or_else(|found| {
            violations.extend(found);
            BTreeMap::new()
        });
        let compiled = Arc::default();
        let root = Package::read(digest, manifest, files, &compiled, &mut budget);
        let root = root.map_err(|found| violations.extend(found)).ok();
        let mut components = BTreeMap::new();
        for (name, files) in parts {
            if budget.is_exhausted() {
                break;
            }
            let manifest = manifest::load(&files, Some(&name));
            match Package::read(digest, manifest, files, &compiled, &mut budget) {
                Ok(component) => {
                    components.insert(name, component);
                }
                Err(found) => {
                    let found = found.into_iter().map(|it| it.in_component(&name));
                    violations.extend(found);
                }
            }
        }
        Invalid::check(violations)?;
        let mut root = root.expect("a package that cannot be read has violations");
        root.bytes += components.values().map(Package::bytes).sum::<usize>();
        let has_templates = |part: &Package| !part.template_paths().is_empty();
        if has_templates(&root) || components.values().any(has_templates) {
            root.bytes += Compiled::BYTES;
        }
        for (name, component) in &components {
            root.warnings.extend(&component.warnings.in_component(name));
        }
        root.components = components;
        Ok(root)
    }

    /// Reads a root without its components, or one component.
    fn read(
        digest: Digest,
        manifest: Result<PackageManifest, Vec<Violation>>,
        files: PackageFiles,
        compiled: &Arc<Compiled>,
        budget: &mut Budget,
    ) -> Result<Package, Vec<Violation>> {
        let file_bytes = files.bytes();
        let mut violations = Vec::new();
        let manifest = manifest.map_err(|found| violations.extend(found)).ok();
        let mut files = files.into_map();
        files.retain(|path, _| is_readable(path));
        let templates = parse_templates(&files, budget);
        let templates = templates.unwrap_or_else(|violation| {
            violations.push(violation);
            TemplateSet::default()
        });
        let mut plain = Plain::default();
        for (path, bytes) in files.iter().filter(|(path, _)| holds_objects(path)) {
            violations.extend(plain.read(path, bytes, budget).err());
            if budget.is_exhausted() {
                break;
            }
        }
        let Some(manifest) = manifest.filter(|_| violations.is_empty()) else {
            return Err(violations);
        };
        let mut warnings = manifest.warnings.clone();
        warnings.extend(&plain.warnings);
        let bytes = file_bytes + templates.bytes() + plain.bytes() + manifest.bytes();
        Ok(Package {
            digest,
            manifest,
            components: BTreeMap::new(),
            files,
            templates,
            plain,
            compiled: Arc::clone(compiled),
            warnings,
            bytes,
        })
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

    pub(crate) fn plain(&self) -> &Plain {
        &self.plain
    }

    /// The text of a file, if templates can read it and it is one.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(path)?).ok()
    }
}

impl Plain {
    /// Reads a file of objects.
    fn read(&mut self, path: &str, bytes: &[u8], budget: &mut Budget) -> Result<(), Violation> {
        let mut documents = Documents::new(path, bytes);
        let mut found = Vec::new();
        let unreadable = |why| Violation::unreadable(path, why);
        while let Some(mut document) = documents.next_within(budget).map_err(unreadable)? {
            if let Some(text) = condition::of(&document.value)
                && !self.conditions.contains_key(text)
            {
                match condition::compile(text, budget) {
                    Ok(program) => {
                        self.conditions.insert(text.to_owned(), program);
                    }
                    Err((Reason::TooCostly, details)) => {
                        let violation = Violation::new(Reason::TooCostly, details);
                        return Err(violation.at(path, document.index));
                    }
                    // The rendering reports it, since it knows the object.
                    Err(_) => {}
                }
            }
            self.warnings.add_found(path, &mut document);
            found.push(document);
        }
        self.files.push((path.to_owned(), found));
        Ok(())
    }

    fn bytes(&self) -> usize {
        let documents = self.files.iter().flat_map(|(_, documents)| documents);
        let conditions = self.conditions.values();
        documents.map(|document| document.bytes).sum::<usize>()
            + conditions
                .map(|program| condition::bytes(program))
                .sum::<usize>()
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

fn parse_templates(files: &Files, budget: &mut Budget) -> Result<TemplateSet, Violation> {
    let mut sources = Vec::new();
    for path in template_paths(files) {
        let text = std::str::from_utf8(&files[path])
            .map_err(|_| Violation::new(Reason::Template, "not UTF-8 text").in_file(path))?;
        sources.push((path, text));
    }
    TemplateSet::parse(sources, &env(files), budget).map_err(|error| match error {
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
    })
}
