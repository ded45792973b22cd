//! Import circles between source files: strongly connected parts of the graph that `use` lines and paths draw.
//!
//! `mod` lines say which file a module is in; a path is an import of the file that defines what it names, through
//! whichever modules hand the name on. Declaring a module or handing its names on is no import of it, and tests may
//! use whatever they test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

use super::manifest::Workspace;

type ModulePath = Vec<String>;

/// The files of one crate by the path of their module, and what each imports.
#[derive(Default)]
struct Crate {
    files: BTreeMap<ModulePath, (PathBuf, syn::File)>,
}

/// Every circle of the workspace, one line each.
fn circles(workspace: &Workspace) -> Vec<String> {
    let mut found = BTreeSet::new();
    for package in workspace.members() {
        for target in &package.targets {
            if target
                .kind
                .iter()
                .any(|kind| kind == "lib" || kind == "bin")
            {
                let mut source = Crate::default();
                source.read(&target.src_path, vec![]);
                found.extend(source.circles());
            }
        }
    }
    found.into_iter().collect()
}

/// The circles of a crate that has these two files, the second a child of the first.
fn between(parent: &str, child: &str) -> Vec<String> {
    let mut source = Crate::default();
    for (path, text) in [
        (vec![], "mod parent;"),
        (names(&["parent"]), parent),
        (names(&["parent", "child"]), child),
    ] {
        let file = syn::parse_file(text).expect("the text is Rust");
        source
            .files
            .insert(path.clone(), (path.join("/").into(), file));
    }
    source.circles()
}

fn names(names: &[&str]) -> ModulePath {
    names.iter().map(|&name| name.to_owned()).collect()
}

impl Crate {
    fn read(&mut self, file: &Path, path: ModulePath) {
        let text = std::fs::read_to_string(file).expect("a source file can be read");
        let parsed = syn::parse_file(&text).expect("a source file is Rust");
        let folder = match path.last() {
            Some(_) => file.with_extension(""),
            None => file.parent().expect("a file is in a folder").to_owned(),
        };
        for item in &parsed.items {
            let syn::Item::Mod(module) = item else {
                continue;
            };
            let name = module.ident.to_string();
            let below = folder.join(format!("{name}.rs"));
            if module.content.is_none() && !is_test(&module.attrs) && below.exists() {
                self.read(&below, [path.as_slice(), &[name]].concat());
            }
        }
        self.files.insert(path, (file.to_owned(), parsed));
    }

    fn circles(&self) -> Vec<String> {
        let edges: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> = self
            .files
            .iter()
            .map(|(path, (_, file))| (path, Imports::of(self, path, file)))
            .collect();
        let reach = |from: &ModulePath| {
            let mut reached: BTreeSet<&ModulePath> = BTreeSet::new();
            let mut next: Vec<_> = edges[from].iter().copied().collect();
            while let Some(path) = next.pop() {
                if reached.insert(path) {
                    next.extend(&edges[path]);
                }
            }
            reached
        };
        let reached: BTreeMap<_, _> = edges.keys().map(|path| (*path, reach(path))).collect();
        let mut circles = BTreeSet::new();
        for (path, from_here) in &reached {
            if from_here.contains(path) {
                let circle = from_here
                    .iter()
                    .filter(|other| reached[**other].contains(path));
                let files = circle.map(|other| self.files[*other].0.display().to_string());
                circles.insert(files.collect::<Vec<_>>().join(" "));
            }
        }
        circles.into_iter().collect()
    }

    /// What the first segment of a path in a file may stand for: its children, and what its `use` lines name.
    fn names(&self, here: &ModulePath, file: &syn::File) -> Names {
        let children = self.files.keys().filter_map(|path| {
            let (name, above) = path.split_last()?;
            (above == here.as_slice()).then(|| (name.clone(), path.clone()))
        });
        let mut names = Names(children.collect());
        let lines = file.items.iter().filter_map(|item| match item {
            syn::Item::Use(line) if !is_test(&line.attrs) => Some(line),
            _ => None,
        });
        for (called, path) in lines.flat_map(named) {
            // The name of a child may be that of what is imported from it.
            if let Some(path) = names.absolute(here, &path) {
                names.0.insert(called, path);
            }
        }
        names
    }

    /// The file that defines what a path names. A name of another crate has none; a module of which nothing is
    /// named is not used yet.
    fn definition(&self, path: &[String]) -> Option<&ModulePath> {
        let mut path = path.to_vec();
        // As many as a name is handed on at most.
        for _ in 0..8 {
            let length = (0..path.len())
                .rev()
                .find(|length| self.files.contains_key(&path[..*length]))?;
            let (module, (_, file)) = self.files.get_key_value(&path[..length])?;
            let handed_on = self.names(module, file).0.remove(&path[length]);
            match handed_on {
                Some(next) if next != path[..=length] => {
                    path = [next.as_slice(), &path[length + 1..]].concat();
                }
                _ if self.files.contains_key(&path) => return None,
                _ => return Some(module),
            }
        }
        None
    }
}

/// What names of one file stand for, as paths from the crate's root.
struct Names(BTreeMap<String, ModulePath>);

impl Names {
    /// The path from the crate's root; `None` for a path of another crate.
    fn absolute(&self, here: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let supers = path.iter().take_while(|part| *part == "super").count();
        Some(match first.as_str() {
            "crate" => rest.to_vec(),
            "self" => [here.as_slice(), rest].concat(),
            "super" => {
                let above = here.len().checked_sub(supers)?;
                [&here[..above], &path[supers..]].concat()
            }
            name => [self.0.get(name)?.as_slice(), rest].concat(),
        })
    }
}

/// The names that a `use` line brings, each with its path as written.
fn named(line: &syn::ItemUse) -> Vec<(String, ModulePath)> {
    fn walk(tree: &syn::UseTree, mut above: ModulePath, into: &mut Vec<(String, ModulePath)>) {
        match tree {
            syn::UseTree::Path(path) => {
                above.push(path.ident.to_string());
                walk(&path.tree, above, into);
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    walk(tree, above.clone(), into);
                }
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                into.extend(above.last().cloned().map(|called| (called, above)));
            }
            syn::UseTree::Name(name) => {
                above.push(name.ident.to_string());
                into.push((name.ident.to_string(), above));
            }
            syn::UseTree::Rename(name) => {
                above.push(name.ident.to_string());
                into.push((name.rename.to_string(), above));
            }
            syn::UseTree::Glob(_) => {
                above.push("*".to_owned());
                into.push(("*".to_owned(), above));
            }
        }
    }
    let mut names = vec![];
    walk(&line.tree, vec![], &mut names);
    names
}

/// The imports of one file.
struct Imports<'a> {
    source: &'a Crate,
    here: &'a ModulePath,
    names: Names,
    found: BTreeSet<&'a ModulePath>,
}

impl<'a> Imports<'a> {
    fn of(source: &'a Crate, here: &'a ModulePath, file: &syn::File) -> BTreeSet<&'a ModulePath> {
        let mut imports = Self {
            source,
            here,
            names: source.names(here, file),
            found: BTreeSet::new(),
        };
        imports.visit_file(file);
        imports.found
    }

    fn add(&mut self, path: &[String]) {
        let Some(path) = self.names.absolute(self.here, path) else {
            return;
        };
        if let Some(file) = self.source.definition(&path)
            && file != self.here
        {
            self.found.insert(file);
        }
    }
}

impl<'ast> Visit<'ast> for Imports<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // An inline module has names of its own; those here are small enough to hold no imports.
        if !is_test(&module.attrs) && module.content.is_none() {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        if !is_test(&block.attrs) {
            visit::visit_item_impl(self, block);
        }
    }

    fn visit_item_use(&mut self, line: &'ast syn::ItemUse) {
        let hands_on = !matches!(line.vis, syn::Visibility::Inherited);
        if !hands_on && !is_test(&line.attrs) {
            for (_, path) in named(line) {
                self.add(&path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        if segments.len() > 1 {
            self.add(&segments);
        }
        visit::visit_path(self, path);
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

#[test]
fn no_two_files_import_each_other_however_indirectly() {
    let found = circles(&Workspace::load());
    assert!(found.is_empty(), "open these:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_through_use_lines_paths_and_parents() {
    for (parent, child) in [
        (
            "mod child; use child::Part; pub struct Whole;",
            "use super::Whole; pub struct Part;",
        ),
        (
            "mod child; pub struct Whole; fn f() { child::g() }",
            "pub fn g(_: crate::parent::Whole) {}",
        ),
        (
            "mod child; use self::child::{Part, Other as O}; pub fn g() {}",
            "use crate::parent; fn f() { parent::g() }",
        ),
    ] {
        assert_eq!(between(parent, child).len(), 1, "{parent} {child}");
    }
    for (parent, child) in [
        ("mod child; pub struct Whole;", "use super::Whole;"),
        (
            "mod child; use child::Part;",
            "#[cfg(test)] mod tests { use crate::parent::Whole; }",
        ),
        (
            "mod child; pub use child::Part; mod inner { pub struct Whole; }",
            "use inner::Other; mod inner {}",
        ),
    ] {
        assert_eq!(
            between(parent, child),
            Vec::<String>::new(),
            "{parent} {child}"
        );
    }
}
