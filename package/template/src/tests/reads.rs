//! Reads of an execution: each kind of access, and what it counts as.

use serde_json::{Value as Json, json};

use super::{STEPS, execute, parse, run};
use crate::budget::Budget;
use crate::reads::{Depth, Reads};
use crate::resources::Env;

fn context() -> Json {
    json!({
        "cluster": {"name": "c1", "labels": {"region": "north", "zone": "a"}},
        "config": {"replicas": 2, "list": [1, {"a": 2}], "empty": {}, "off": false},
        "environment": {"kubernetes": {"version": "1.36.3"}},
    })
}

fn reads(source: &str) -> Reads {
    run(source, &context()).unwrap().reads
}

/// Paths and depths as one line: `a.b` for the value, `a.b?` for emptiness, `a.b:` for the kind.
fn shown(source: &str) -> String {
    let reads = reads(source);
    let paths = reads.paths.iter().map(|(path, depth)| {
        let mark = match depth {
            Depth::Kind => ":",
            Depth::Emptiness => "?",
            Depth::Value => "",
        };
        format!("{}{mark}", path.join("."))
    });
    paths.collect::<Vec<_>>().join(" ")
}

#[test]
fn whether_a_map_of_strings_is_empty_is_read_with_it() {
    const LABELS: &[&str] = &["cluster", "labels"];
    let env = Env {
        maps_of_strings: &[LABELS],
        ..Env::default()
    };
    let executed = |source: &str, labels: Json| {
        let set = parse([("f", source)], &env).unwrap();
        let context = json!({ "cluster": { "labels": labels } });
        let budget = &mut Budget::new(STEPS, 1 << 16);
        let output = execute(&set, "f", &context, &env, budget);
        (context, output.unwrap())
    };
    for source in [
        r#"{{index .cluster.labels "zone"}}"#,
        r#"{{index .cluster "labels" "zone"}}"#,
        r#"{{with .cluster.labels}}{{end}}{{printf "%T" .cluster.labels}}"#,
        r#"{{typeOf (get .cluster "labels")}}"#,
        r#"{{$x := .cluster.labels}}{{kindIs "map" $x}}{{typeIs "map[string]string" $x}}"#,
        r#"{{deepCopy .cluster | toJson}}"#,
    ] {
        let (none, with_none) = executed(source, json!({}));
        let (some, with_some) = executed(source, json!({"region": "north"}));
        let (others, with_others) = executed(source, json!({"region": "south"}));
        assert_ne!(
            with_none.reads.project(&none),
            with_none.reads.project(&some),
            "{source}"
        );
        assert_ne!(
            with_some.reads.project(&none),
            with_some.reads.project(&some),
            "{source}"
        );
        if with_some.reads.project(&some) == with_some.reads.project(&others) {
            assert_eq!(with_some.text, with_others.text, "{source}");
        }
    }
}

#[test]
fn only_what_is_looked_at_counts_as_read() {
    let cases = [
        ("text {{1}}", ""),
        ("{{.config.replicas}}", "config: config.replicas"),
        (
            "{{if .config.off}}{{.cluster.name}}{{end}}",
            "config: config.off",
        ),
        (
            "{{.cluster.labels.region}}",
            "cluster: cluster.labels: cluster.labels.region",
        ),
        ("{{with .cluster}}{{.name}}{{end}}", "cluster? cluster.name"),
        ("{{$c := .cluster}}{{$c.name}}", "cluster: cluster.name"),
        (
            "{{template \"t\" .}}{{define \"t\"}}{{.cluster.name}}{{end}}",
            "cluster: cluster.name",
        ),
        (
            "{{include \"t\" (dict \"all\" .)}}{{define \"t\"}}{{.all.config.replicas}}{{end}}",
            "config: config.replicas",
        ),
        (
            "{{index .cluster \"labels\" \"zone\"}}",
            "cluster: cluster.labels: cluster.labels.zone",
        ),
        ("{{get .cluster \"name\"}}", "cluster: cluster.name"),
        ("{{hasKey .cluster \"labels\"}}", "cluster: cluster.labels:"),
        ("{{default 1 .config.empty}}", "config: config.empty?"),
        ("{{if .config.empty}}{{end}}", "config: config.empty?"),
        (
            "{{pick .cluster \"name\" \"none\"}}",
            "cluster: cluster.name cluster.none",
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(shown(source), expected, "{source}");
    }
}

#[test]
fn absence_counts_as_read() {
    let cases = [
        (
            "{{hasKey .cluster.labels \"x\"}}",
            "cluster: cluster.labels: cluster.labels.x:",
        ),
        (
            "{{dig \"labels\" \"x\" \"none\" .cluster}}",
            "cluster: cluster.labels: cluster.labels.x",
        ),
        (
            "{{index .cluster.labels \"x\"}}",
            "cluster: cluster.labels: cluster.labels.x",
        ),
        ("{{get . \"nothing\"}}", "nothing"),
    ];
    for (source, expected) in cases {
        assert_eq!(shown(source), expected, "{source}");
    }
}

#[test]
fn what_is_used_as_a_whole_is_read_as_a_whole() {
    for use_of in [
        "toJson .cluster",
        "print .cluster",
        ".cluster",
        "toYaml .cluster",
        "keys .cluster",
        "values .cluster",
        "len .cluster",
        "merge (dict) .cluster",
        "omit .cluster \"name\"",
        "deepEqual .cluster (dict)",
        "list .cluster | toJson",
        "printf \"%v\" .cluster",
        "quote .cluster",
        "join \",\" (list .cluster)",
        "has (dict) (list .cluster)",
    ] {
        assert_eq!(
            shown(&format!("{{{{$_ := {use_of}}}}}{{{{{use_of}}}}}")),
            "cluster",
            "{use_of}"
        );
    }
    assert_eq!(
        shown("{{range $k, $v := .cluster.labels}}{{$v}}{{end}}"),
        "cluster: cluster.labels"
    );
    assert_eq!(
        shown("{{range .config.list}}{{end}}"),
        "config: config.list"
    );
    assert_eq!(shown("{{first .config.list}}"), "config: config.list");
    assert_eq!(shown("{{toJson .}}"), "");
    assert_eq!(reads("{{toJson .}}").paths.len(), 1);
}

#[test]
fn projections_differ_exactly_when_something_read_differs() {
    let reads = reads(
        "{{.cluster.labels.region}}{{hasKey .config \"x\"}}{{if .config.empty}}{{end}}{{index .cluster \"uid\"}}",
    );
    let base = reads.project(&context());
    let with = |pointer: &str, value: Json| {
        let mut changed = context();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[key] = value;
        reads.project(&changed)
    };
    assert_eq!(with("/cluster/name", json!("other")), base);
    assert_eq!(with("/cluster/labels/zone", json!("b")), base);
    assert_eq!(with("/config/replicas", json!(9)), base);
    assert_eq!(with("/new", json!(1)), base);
    assert_ne!(with("/cluster/labels/region", json!("south")), base);
    assert_ne!(with("/cluster/labels", json!({})), base);
    assert_ne!(with("/cluster/labels", json!("north")), base);
    assert_ne!(with("/config/x", json!(null)), base);
    assert_ne!(with("/config/empty", json!({"a": 1})), base);
    assert_ne!(with("/cluster/uid", json!(null)), base);
}

#[test]
fn reads_of_several_files_are_joined() {
    let mut all = reads("{{.config.replicas}}");
    let paths =
        |reads: &Reads| -> Vec<String> { reads.paths.keys().map(|path| path.join(".")).collect() };
    assert_eq!(paths(&all), ["config", "config.replicas"]);
    all.merge(&reads("{{toJson .config}}{{.cluster.name}}"));
    assert_eq!(paths(&all), ["cluster", "cluster.name", "config"]);
}

#[test]
fn a_change_a_template_makes_stays_in_its_execution() {
    let context = context();
    let env = Env::default();
    let shown = "{{.config.replicas}} {{.config.empty}} {{.cluster.labels.region}}";
    for change in [
        "set .config \"replicas\" 5",
        "set . \"config\" (dict \"replicas\" 5 \"empty\" dict)",
        "unset .config \"list\"",
        "merge .config.empty (dict \"x\" 1)",
        "merge .config.empty (dict)",
        "mergeOverwrite (dict \"a\" 1) . (dict \"cluster\" (dict \"labels\" (dict \"region\" \"x\")))",
        "set (merge (dict) .).cluster.labels \"region\" \"x\"",
        "set .config \"itself\" .config",
    ] {
        let source = format!("{{{{$_ := {change}}}}}{{{{keys .config}}}}{shown}");
        let set = parse(
            [("a", &*source), ("b", shown), ("c", "{{keys .config}}")],
            &env,
        )
        .unwrap();
        let mut executions = set.on(&context, env);
        let mut run = |name| executions.execute(name, &mut Budget::new(STEPS, 1 << 16));
        assert_eq!(run("b").unwrap(), "2 map[] north");
        let changed = run("a").unwrap();
        assert_eq!(run("b").unwrap(), "2 map[] north", "{change}");
        assert_eq!(run("c").unwrap(), "[empty list off replicas]", "{change}");
        assert_eq!(run("a").unwrap(), changed, "{change}");
    }
}

#[test]
fn executions_on_one_context_read_what_each_of_them_reads() {
    let env = Env::default();
    let files = [
        ("a", "{{if .config.empty}}{{end}}{{.cluster.name}}"),
        (
            "b",
            "{{toJson .config}}{{.cluster.name}}{{$_ := set .cluster \"name\" 1}}",
        ),
        ("c", "{{.cluster.labels.zone}}"),
    ];
    let context = context();
    let set = parse(files, &env).unwrap();
    let mut together = set.on(&context, env);
    let mut joined = Reads::default();
    for (name, _) in files {
        let budget = &mut Budget::new(STEPS, 1 << 16);
        together.execute(name, budget).unwrap();
        joined.merge(&execute(&set, name, &context, &env, budget).unwrap().reads);
    }
    assert_eq!(together.reads(), joined);
}
