//! Twenty-five packages, realistic and odd, and what each renders to in every way there is to install it.
//!
//! Every folder in `packages` but `golden` is a package. `packages/golden/NAME` holds what its check says, and one
//! rendering for each scope and each test case of the root and of every component.
//! `STEVEDORE_UPDATE_GOLDEN=1` writes these files anew; what they say has to be read by somebody then.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests end the test as tests do"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stevedore_package::archive::unpack;
use stevedore_package::files::PackageFiles;
use stevedore_package::image::{build, read_archive};
use stevedore_package::manifest::Scope;
use stevedore_package::package::Package;
use stevedore_package::render::{ClusterFacts, Context, RenderInput, Rendered};
use stevedore_package::violation::Invalid;
use stevedore_package::warning::Warnings;
use stevedore_template::yaml;

const UPDATE: &str = "STEVEDORE_UPDATE_GOLDEN";
const PACKAGES: usize = 25;
/// Bytes of the longest file that is compared.
const LONGEST: usize = 1024 * 1024;

/// One way to install a package.
struct Way {
    /// The file that says what it gives, below that of the package.
    golden: String,
    input: RenderInput,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages")
}

/// Every file below a folder, by its path from there.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(place) = open.pop() {
        for entry in std::fs::read_dir(&place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The files of every package, by its name.
fn packages() -> BTreeMap<String, PackageFiles> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !path.is_dir() || name == "golden" {
            continue;
        }
        let mut files = PackageFiles::new();
        for (path, bytes) in files_below(&path) {
            files.insert(&path, bytes).unwrap();
        }
        found.insert(name, files);
    }
    found
}

fn load(name: &str, files: &PackageFiles) -> Package {
    Package::load(files.clone()).unwrap_or_else(|invalid| panic!("{name}: {invalid}"))
}

/// The test cases in the manifest of a folder of the package.
fn cases(files: &PackageFiles, folder: &str) -> Vec<Value> {
    let paths = ["yaml", "yml"].map(|suffix| format!("{folder}manifest.{suffix}"));
    let found = paths.iter().find_map(|path| files.get(path));
    let manifest = yaml::document("manifest.yaml", found.unwrap()).unwrap();
    let cases = manifest.value["test"]["template"].as_array().cloned();
    cases.unwrap_or_default()
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let texts = value.as_object().into_iter().flatten();
    texts
        .map(|(key, text)| (key.clone(), text.as_str().unwrap().to_owned()))
        .collect()
}

/// What a package is installed with in a scope, where nobody says anything.
fn of_scope(name: &str, scope: Scope) -> RenderInput {
    RenderInput {
        name: name.to_owned(),
        namespace: (scope == Scope::Namespaced).then(|| "dock".to_owned()),
        image: format!("registry.example/{name}:1"),
        environment: json!({"kubernetes": {"version": "v1.36.3"}}),
        cluster: ClusterFacts {
            name: "east".to_owned(),
            uid: "00000000-0000-0000-0000-000000000000".to_owned(),
            labels: BTreeMap::new(),
        },
        ..RenderInput::default()
    }
}

/// What a test case says.
fn of_case(case: &Value) -> RenderInput {
    let context = &case["context"];
    let package = &context["package"];
    let metadata = &package["metadata"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let default = of_scope("", Scope::Cluster);
    let environment = match &context["environment"] {
        Value::Null => json!({"kubernetes": {"version": ""}}),
        given => given.clone(),
    };
    RenderInput {
        name: text(&metadata["name"]).unwrap(),
        namespace: text(&metadata["namespace"]),
        labels: texts(&metadata["labels"]),
        annotations: texts(&metadata["annotations"]),
        image: text(&package["image"]).unwrap(),
        config: context.get("config").cloned(),
        environment,
        cluster: ClusterFacts {
            name: text(&context["cluster"]["name"]).unwrap_or(default.cluster.name),
            labels: texts(&context["cluster"]["labels"]),
            uid: default.cluster.uid,
        },
        ..RenderInput::default()
    }
}

/// Every scope and every test case, of the root and of every component.
fn ways(name: &str, files: &PackageFiles, package: &Package) -> Vec<Way> {
    let root = [(None, package)].into_iter();
    let components = package.components().map(|(name, part)| (Some(name), part));
    let mut ways = Vec::new();
    for (component, part) in root.chain(components) {
        let folder = component.map_or(String::new(), |name| format!("components/{name}/"));
        let mut add = |file: &str, input: RenderInput| {
            let golden = format!("{folder}{file}.yaml");
            let component = component.map(str::to_owned);
            let input = RenderInput { component, ..input };
            ways.push(Way { golden, input });
        };
        for scope in &part.manifest().scopes {
            let file = format!("{scope:?}").to_lowercase();
            add(&file, of_scope(name, *scope));
        }
        for case in cases(files, &folder) {
            let file = format!("case-{}", case["name"].as_str().unwrap());
            add(&file, of_case(&case));
        }
    }
    ways
}

fn lines(warnings: &Warnings) -> Vec<String> {
    assert_eq!(warnings.more(), 0, "each is shown");
    let all = warnings.list().iter();
    all.map(ToString::to_string).collect()
}

fn to_text(value: &Value) -> String {
    yaml::to_text(value, LONGEST).unwrap()
}

/// A rendering as a document: that of a content, beside what its author is told.
fn told(rendered: Result<Rendered, Invalid>) -> String {
    let value = match rendered {
        Ok(rendered) => {
            let mut value = serde_json::to_value(&rendered.content).unwrap();
            let warnings = lines(&rendered.warnings);
            if !warnings.is_empty() {
                value["warnings"] = json!(warnings);
            }
            value
        }
        Err(invalid) => {
            let violations = invalid.violations().iter();
            json!({"invalid": violations.map(ToString::to_string).collect::<Vec<_>>()})
        }
    };
    to_text(&value)
}

/// Everything that there is to say of a package, by the file that says it.
fn answers(name: &str, files: &PackageFiles) -> BTreeMap<String, String> {
    let package = load(name, files);
    let checked = package
        .check()
        .unwrap_or_else(|invalid| panic!("{name}: {invalid}"));
    let not_rendered = checked.not_rendered.iter().map(ToString::to_string);
    let check = json!({
        "notRendered": not_rendered.collect::<Vec<_>>(),
        "warnings": lines(&checked.warnings),
    });
    let mut answers = BTreeMap::from([(format!("{name}/check.yaml"), to_text(&check))]);
    for Way { golden, input } in ways(name, files, &package) {
        let context = package.context(&input);
        let rendered = context.and_then(|context| package.render(&context));
        let path = format!("{name}/{golden}");
        let second = answers.insert(path.clone(), told(rendered));
        assert_eq!(second, None, "{path}");
    }
    answers
}

/// The first line in which two texts differ.
fn difference(one: &str, other: &str) -> String {
    let pairs = one
        .lines()
        .chain([""])
        .zip(other.lines().chain([""]))
        .enumerate();
    let mut differing = pairs.filter(|(_, (one, other))| one != other);
    let found = differing.next();
    found.map_or("their ends".to_owned(), |(number, (one, other))| {
        format!("line {}: {one:?} is now {other:?}", number + 1)
    })
}

#[test]
fn every_package_renders_to_its_golden_files_and_to_no_others() {
    let packages = packages();
    assert_eq!(packages.len(), PACKAGES, "{:?}", packages.keys());
    let all = packages.iter().map(|(name, files)| answers(name, files));
    let all: BTreeMap<String, String> = all.flatten().collect();
    let golden = folder().join("golden");
    if std::env::var_os(UPDATE).is_some() {
        if golden.exists() {
            std::fs::remove_dir_all(&golden).unwrap();
        }
        for (path, text) in &all {
            let path = golden.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        return;
    }
    let mut written = files_below(&golden);
    let mut faults = Vec::new();
    for (path, text) in &all {
        match written.remove(path) {
            None => faults.push(format!("{path}: there is no such file")),
            Some(bytes) if bytes == text.as_bytes() => {}
            Some(bytes) => {
                let before = String::from_utf8_lossy(&bytes);
                faults.push(format!("{path}: {}", difference(&before, text)));
            }
        }
    }
    faults.extend(written.keys().map(|path| format!("{path}: nothing is it")));
    let faults = faults.join("\n");
    assert!(
        faults.is_empty(),
        "{faults}\n\n{UPDATE}=1 writes them anew; read what changed"
    );
}

#[test]
fn every_package_is_the_same_after_it_was_built_and_unpacked() {
    for (name, files) in packages() {
        let image = build(&files, &BTreeMap::new()).unwrap();
        assert_eq!(unpack(&[&image.layer.bytes]).unwrap(), files, "{name}");
        let archive = image.to_layout(&[]).unwrap();
        let read = read_archive(&archive).unwrap();
        assert_eq!(read, files, "{name}");
        assert_eq!(build(&read, &BTreeMap::new()).unwrap(), image, "{name}");
    }
}

/// The same input on clusters that differ.
fn elsewhere(input: &RenderInput) -> Vec<RenderInput> {
    let environments = [
        input.environment.clone(),
        json!({"kubernetes": {"version": "v1.29.0"}, "openShift": {"version": "4.15.2"}}),
    ];
    let labels = [
        input.cluster.labels.clone(),
        texts(&json!({"region": "north", "tier": "edge"})),
        texts(&json!({"region": "north", "nobody-reads-it": "true"})),
    ];
    let mut found = Vec::new();
    for environment in environments {
        for labels in &labels {
            let mut other = input.clone();
            other.environment = environment.clone();
            other.cluster.labels.clone_from(labels);
            found.push(other);
        }
    }
    found
}

/// How many contexts share a rendering with one before them.
fn shared(name: &str, package: &Package, contexts: &[Context]) -> usize {
    let render = |context: &Context| package.render(context).ok();
    let renderings: Vec<Option<Rendered>> = contexts.iter().map(render).collect();
    let digest = package.digest();
    let mut shared = 0;
    for (number, (context, rendered)) in contexts.iter().zip(&renderings).enumerate() {
        let Some(rendered) = rendered else {
            continue;
        };
        let key = rendered.reads.key(&digest, context);
        for (other, its) in contexts.iter().zip(&renderings).skip(number + 1) {
            if rendered.reads.key(&digest, other) == key {
                let its = its.as_ref().map(|it| it.reference.digest);
                assert_eq!(its, Some(rendered.reference.digest), "{name}");
                shared += 1;
            }
        }
    }
    shared
}

#[test]
fn every_rendering_is_a_function_of_what_it_read() {
    for (name, files) in packages() {
        let package = load(&name, &files);
        let ways = ways(&name, &files, &package);
        let inputs = ways.iter().flat_map(|way| elsewhere(&way.input));
        let contexts = inputs.filter_map(|input| package.context(&input).ok());
        let contexts: Vec<Context> = contexts.collect();
        assert!(contexts.len() >= 6, "{name}: {}", contexts.len());
        assert!(shared(&name, &package, &contexts) > 0, "{name}");
    }
}
