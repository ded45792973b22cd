//! The reads of a rendering: it depends on nothing else.

use std::collections::BTreeSet;

use super::filters::{conditional, filtered};
use super::*;

/// A part of the configuration, of many kinds.
fn lamps() -> Vec<Value> {
    let lamps =
        json!([null, {}, {"on": null}, {"on": false}, {"on": true, "unread": 1}, "on", ["on"], 1]);
    lamps.as_array().unwrap().clone()
}

/// Contexts of every combination of what the expressions below read, and of what they do not.
fn many_contexts(package: &Package) -> Vec<Context> {
    let mut found = Vec::new();
    for zone in [None, Some("a"), Some("b")] {
        for tier in ["", "edge"] {
            for (name, n) in [("east", 0), ("west", 1), ("north", 2), ("south", 3)] {
                for lamp in lamps() {
                    let mut input = input();
                    let labels = &mut input.cluster.labels;
                    labels.insert("tier".to_owned(), tier.to_owned());
                    labels.extend(zone.map(|zone| ("zone".to_owned(), zone.to_owned())));
                    input.cluster.name = name.to_owned();
                    input.config = Some(json!({"n": n, "lamp": lamp}));
                    found.push(package.context(&input).unwrap());
                }
            }
        }
    }
    found
}

/// Whoever has the same key by what a rendering read has the same rendering.
fn check(package: &Package, contexts: &[Context]) -> BTreeSet<Digest> {
    let renderings: Vec<Option<Rendered>> = contexts
        .iter()
        .map(|context| package.render(context).ok())
        .collect();
    let mut keys = BTreeSet::new();
    for (one, rendered) in contexts.iter().zip(&renderings) {
        let Some(rendered) = rendered else {
            continue;
        };
        let key = rendered.reads.key(&package.digest(), one);
        keys.insert(key);
        for (other, its) in contexts.iter().zip(&renderings) {
            if rendered.reads.key(&package.digest(), other) == key {
                let its = its.as_ref().map(|it| it.reference.digest);
                assert_eq!(its, Some(rendered.reference.digest), "{:?}", other.value());
            }
        }
    }
    keys
}

#[test]
fn a_rendering_is_a_function_of_what_it_read() {
    let text = "{{ range $i := until 2 }}{{ if cel (printf `config.n > %d` $i) }}m{{ end }}{{ end }}\
                {{ if cel `cond.isSmall` }}n{{ end }}{{ if cel `!has(config.lamp.on) || config.n < 3` }}o{{ end }}";
    let templated = format!("{}data: {{a: x{text}}}\n", object("templated", "one", ""));
    let near = "has(cluster.labels.zone) && .cluster.labels[\"zone\"] == \"a\"";
    let files = [
        ("a.yaml.gotmpl", &*templated),
        ("near/b.yaml", &object("in-path", "one", "")),
        (
            "c.yaml",
            &conditional("annotated", "config.n != 1 || config.lamp.on == true"),
        ),
        (
            "d.yaml",
            &conditional("other", "!cond.isNear && [1, 2].exists(config, config > 1)"),
        ),
    ];
    let package = filtered(
        &[
            ("isNear", near),
            ("isSmall", "config.n < 4 || config.lamp.on == true"),
            ("unused", "cluster.name.startsWith(\"x\")"),
        ],
        &[(
            "near/*",
            "cond.isNear || !has(config.lamp.on) || config.n < 3",
        )],
        &files,
    );
    let package = package.unwrap();
    let contexts = many_contexts(&package);
    let keys = check(&package, &contexts);
    assert_eq!(contexts.len(), 192);
    // The tier is read by nothing: it makes no rendering of its own.
    assert!((20..=96).contains(&keys.len()), "{} keys", keys.len());
}
