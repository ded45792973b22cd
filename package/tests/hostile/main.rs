//! Hostile expressions, filters and schemas: each is a clear error, soon, and in little memory.
//!
//! One test, so that nothing else runs beside what is measured.

mod expressions;
mod schemas;

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use stevedore_package::files::PackageFiles;
use stevedore_package::package::Package;
use stevedore_package::render::RenderInput;

/// Of the processor: others may be at work beside this. Without optimisation everything takes about ten times as long.
const LONGEST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });
const MOST_KIB: u64 = 64 * 1024;

/// What an input leads to: the text of an error.
type Tried = Result<(), String>;

/// Loads a package with this in its manifest and these files, and renders it with this configuration.
fn package(spec: &Value, files: &[(&str, String)], config: Value) -> Tried {
    let mut manifest = json!({
        "apiVersion": "manifests.package-operator.run/v1alpha1", "kind": "PackageManifest",
        "metadata": {"name": "lamp"}, "spec": {"scopes": ["Namespaced"], "phases": [{"name": "one"}]},
    });
    for (key, value) in spec.as_object().into_iter().flatten() {
        manifest["spec"][key] = value.clone();
    }
    let mut all = PackageFiles::new();
    all.insert("manifest.yaml", manifest.to_string().into_bytes())
        .map_err(|error| error.to_string())?;
    for (path, text) in files {
        all.insert(path, text.clone().into_bytes())
            .map_err(|error| error.to_string())?;
    }
    let package = Package::load(all).map_err(|invalid| invalid.to_string())?;
    let input = RenderInput {
        name: "lamp".to_owned(),
        namespace: Some("harbour".to_owned()),
        config: Some(config),
        ..RenderInput::default()
    };
    let context = package.context(&input);
    let rendered = context.and_then(|context| package.render(&context));
    rendered.map(|_| ()).map_err(|invalid| invalid.to_string())
}

/// Name, input, and what its error says.
type Case = (&'static str, Box<dyn Fn() -> Tried>, &'static str);

fn case(name: &'static str, input: impl Fn() -> Tried + 'static, words: &'static str) -> Case {
    (name, Box::new(input), words)
}

/// A figure of this process, in KiB.
fn kib(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with(field));
    let figure = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    figure.expect("a figure in KiB")
}

/// How long this process has used a processor, in hundredths of a second.
fn worked() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux has it");
    let after_name = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let figures: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = figures[11..13]
        .iter()
        .filter_map(|it| it.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

#[test]
fn hostile_expressions_filters_and_schemas_are_refused_soon_and_in_little_memory() {
    let cases = [
        expressions::expressions(),
        expressions::costly_expressions(),
        expressions::globs(),
        expressions::templates_and_bindings(),
        expressions::filters(),
        schemas::rules(),
        schemas::schemas(),
    ];
    let cases: Vec<Case> = cases.into_iter().flatten().collect();
    assert!(cases.len() >= 30, "only {} cases", cases.len());
    // What is made once for all expressions is no matter of any one of them.
    expressions::condition("config.list.size() == 2000").unwrap();
    let mut wrong = Vec::new();
    for (name, input, words) in cases {
        // The peak is that of what follows.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = kib("VmRSS");
        let started = worked();
        let tried = input();
        let took = worked() - started;
        let grown = kib("VmHWM").saturating_sub(before);
        match tried {
            Ok(()) => wrong.push(format!("{name}: no error")),
            Err(message) if !message.contains(words) => {
                wrong.push(format!("{name}: {message:.500}"))
            }
            Err(_) => {}
        }
        if took > LONGEST {
            wrong.push(format!("{name}: {took:?}"));
        }
        if grown > MOST_KIB {
            wrong.push(format!("{name}: {grown} KiB"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
