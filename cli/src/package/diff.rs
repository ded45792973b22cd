//! `stevedore package diff`: what changes from one package, or edition of it, to another.

mod words;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use stevedore_package::diff::{Difference, ManifestDifference, difference, manifests};

use super::preview::{Given, Options, tell};
use super::registry::Insecure;
use super::source::{self, Loaded};
use crate::connection::Connection;
use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::terminal::escaped;

pub(super) const EXAMPLES: &str = "\
Examples:
  stevedore package diff ./lighthouse-1 ./lighthouse-2
  stevedore package diff registry.example/lighthouse:1 ./lighthouse --config config.yaml
  stevedore package diff ./lighthouse-1 ./lighthouse-2 --cluster harbour-1 -o json

What exists is a folder; anything else is the reference of an image, which has to name its registry and is
pulled. Objects that change in the same way are told together, and nothing of the values of Secrets.

Exit codes: 0 no difference, 3 some difference, 1 failed, 2 wrong usage.";

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// What it was: a folder, or the reference of an image
    before: PathBuf,
    /// What it is to be: a folder, or the reference of an image
    after: PathBuf,
    #[command(flatten)]
    insecure: Insecure,
    #[command(flatten)]
    options: Options,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// What changes from one package to another.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    manifest: ManifestDifference,
    #[serde(flatten)]
    content: Difference,
}

pub(super) async fn run(connection: &Connection, diff: Diff) -> anyhow::Result<Outcome> {
    let before = source::find(&diff.before, &diff.insecure).await?;
    let after = source::find(&diff.after, &diff.insecure).await?;
    let mut given = diff.options.read(connection).await?;
    given.for_both(&before, &after);
    let changes = changes(&given, &before, &after)?;
    match diff.output {
        Format::Json | Format::Yaml => output::object(diff.output, &changes)?,
        Format::Name => {
            let groups = changes.content.objects.iter();
            let mut names = groups.flat_map(|group| &group.objects);
            names.try_for_each(|name| output::line(&escaped(&name.resource())))?;
        }
        Format::Table => {
            output::line(&words::lines(&changes.manifest, &changes.content).join("\n"))?
        }
    }
    Ok(match changes == Changes::default() {
        true => Outcome::Done,
        false => Outcome::NotAsAsked,
    })
}

/// Renders both alike and compares them.
fn changes(given: &Given, before: &Loaded, after: &Loaded) -> anyhow::Result<Changes> {
    let render = |loaded: &Loaded| {
        let previewed = given.render(loaded);
        previewed.with_context(|| escaped(&loaded.shown))
    };
    let (old, new) = (render(before)?, render(after)?);
    for loaded in [before, after] {
        let notes = given.notes(loaded).into_iter();
        let notes = notes.map(|note| format!("{}: {note}", escaped(&loaded.shown)));
        tell(notes);
    }
    Ok(Changes {
        manifest: manifests(&before.files, &after.files)?,
        content: difference(&old.rendered.content, &new.rendered.content),
    })
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::{lamp, loaded, manifest, map};
    use super::*;

    fn given() -> Given {
        Options::default().without_network(None).unwrap()
    }

    #[test]
    fn editions_that_differ_in_comments_alone_do_not_differ() {
        let spec = "  scopes: [Cluster]\n  phases: [{name: a}]\n";
        let one = manifest("lamp", spec);
        let other = format!("# a comment\n{one}# another\n");
        let object = map("a", "a", "").replace("metadata:\n", "metadata:\n  namespace: x\n");
        let before = loaded(&[("manifest.yaml", &one), ("a.yaml", &object)]);
        let after = loaded(&[
            ("manifest.yaml", &other),
            ("b.yaml", &object),
            ("README.md", "text"),
        ]);
        assert_eq!(
            changes(&given(), &before, &after).unwrap(),
            Changes::default()
        );
    }

    #[test]
    fn objects_of_components_and_manifests_are_compared_and_a_side_that_cannot_be_rendered_is_named()
     {
        let before = lamp();
        let mut files = before.files.clone();
        let text =
            |path: &str| String::from_utf8(before.files.get(path).unwrap().to_vec()).unwrap();
        let changed = text("manifest.yaml").replace("default: 1", "default: 3");
        files.insert("manifest.yaml", changed.into_bytes()).unwrap();
        let horn = format!("{}data: {{a: b}}\n", text("components/horn/horn.yaml"));
        files
            .insert("components/horn/horn.yaml", horn.into_bytes())
            .unwrap();
        let all: Vec<(String, String)> = files
            .iter()
            .map(|(path, bytes)| (path.to_owned(), String::from_utf8(bytes.to_vec()).unwrap()))
            .collect();
        let all: Vec<(&str, &str)> = all.iter().map(|(path, text)| (&**path, &**text)).collect();
        let after = loaded(&all);
        let found = changes(&given(), &before, &after).unwrap();
        let told = words::lines(&found.manifest, &found.content).join("\n");
        let expected = "\
~ manifest.yaml
    spec.config.openAPIV3Schema.properties.beams.default
      - 1
      + 3
~ phases with objects
    - base, light, horn/sound
    + base, light, horn/sound, later
+ ConfigMap default/extra in phase later
+ ConfigMap default/spare in phase light
~ ConfigMap default/horn
    data
      + {\"a\":\"b\"}";
        assert_eq!(told, expected);
        let spec = "  scopes: [Cluster]\n  phases: [{name: a}]\n";
        let other = loaded(&[
            ("manifest.yaml", &manifest("lamp", spec)),
            ("a.yaml", "a: b\n"),
        ]);
        let refused = changes(&given(), &before, &other).unwrap_err();
        let said = crate::failure::message(&refused);
        assert_eq!(said, "lamp: it cannot be rendered so: 1 violation");
        let shown = crate::failure::report(&refused);
        assert!(shown.contains(" in a.yaml:1: apiVersion"), "{shown}");
    }
}
