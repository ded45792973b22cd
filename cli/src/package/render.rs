//! `stevedore package render`: the objects of a package, as a member would be given them.

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;
use stevedore_package::object_name::ObjectName;
use stevedore_package::render::to_yaml;
use stevedore_proto_core::content::{CollisionProtection, ConditionMapping};

use super::preview::{Options, Previewed, tell, warned};
use super::source::Source;
use crate::connection::Connection;
use crate::output::{self, Format};
use crate::terminal::escaped;

pub(super) const EXAMPLES: &str = "\
Examples:
  stevedore package render ./lighthouse
  stevedore package render ./lighthouse --config config.yaml | kubectl diff -f -
  stevedore package render ./lighthouse --case many-beams -o json
  stevedore package render --pull registry.example/lighthouse:1 --cluster harbour-1 --namespace lights

What is printed is what a member would be given, in the order in which it is applied, with the values of
Secrets. A member applies a phase when the one before it is available; kubectl does not wait.
What only a hub knows is not considered: its overrides of images. Where no image is pulled, .package.image is
registry.example/NAME:test.";

/// Form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum RenderFormat {
    /// Documents of YAML
    #[default]
    Yaml,
    /// A list in JSON: each object with its phase, component and file
    Json,
    /// Names only, one a line
    Name,
}

#[derive(Debug, Args)]
pub(crate) struct Render {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    options: Options,
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: RenderFormat,
}

#[derive(Debug, Serialize)]
struct Items<'r> {
    items: &'r [Item<'r>],
}

/// An object that a member would be given.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'r> {
    phase: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'r str>,
    /// In the folder of the whole package.
    file: &'r str,
    /// Number of the document in the file, from 0.
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    collision_protection: Option<CollisionProtection>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    condition_mappings: &'r [ConditionMapping],
    object: &'r Value,
}

pub(super) async fn run(connection: &Connection, render: Render) -> anyhow::Result<()> {
    let loaded = render.source.load().await?;
    let given = render.options.read(connection).await?;
    let previewed = given.render(&loaded)?;
    tell(given.notes(&loaded));
    tell(warned(&loaded, &previewed));
    let items = items(&previewed);
    if items.is_empty() && render.output != RenderFormat::Json {
        eprintln!("it renders to nothing; `stevedore package tree` says what is left out");
        return Ok(());
    }
    match render.output {
        RenderFormat::Json => output::object(Format::Json, &Items { items: &items }),
        RenderFormat::Name => output::line(&names(&items)),
        RenderFormat::Yaml => {
            let documents = documents(&items)?;
            output::line(documents.strip_suffix('\n').unwrap_or(&documents))
        }
    }
}

/// Every object of a rendering in the order in which it is applied.
fn items(previewed: &Previewed) -> Vec<Item<'_>> {
    let applied = previewed.record.applied();
    let phases = previewed.rendered.content.phases.iter();
    let objects = phases.flat_map(|phase| phase.objects.iter().map(move |it| (phase, it)));
    let item = objects.map(|(phase, it)| {
        let from = applied.get(&ObjectName::of(&it.object));
        Item {
            phase: &phase.name,
            class: phase.delegated_to(),
            component: phase.component.as_deref(),
            file: from.map_or("", |(_, entry)| &entry.file),
            index: from.map_or(0, |(_, entry)| entry.index),
            collision_protection: it.collision_protection,
            condition_mappings: &it.condition_mappings,
            object: &it.object,
        }
    });
    item.collect()
}

fn names(items: &[Item<'_>]) -> String {
    let names = items.iter().map(|it| ObjectName::of(it.object).resource());
    let names: Vec<String> = names.map(|name| escaped(&name)).collect();
    names.join("\n")
}

/// One document for each object, and before it a comment that says where it comes from.
fn documents(items: &[Item<'_>]) -> anyhow::Result<String> {
    let mut text = String::new();
    for item in items {
        let mut from = format!("phase: {}", item.phase);
        if let Some(class) = item.class {
            from.push_str(&format!(", class: {class}"));
        }
        if let Some(component) = item.component {
            from.push_str(&format!(", component: {component}"));
        }
        from.push_str(&format!(", file: {}, index: {}", item.file, item.index));
        // A line break in a name would begin a line of its own.
        text.push_str(&format!("---\n# {}\n", escaped(&from)));
        text.push_str(&to_yaml(item.object)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::{lamp, loaded, manifest, map};
    use super::*;

    #[tokio::test]
    async fn documents_are_in_the_order_of_their_phases_and_say_where_they_come_from() {
        let given = Options::default().without_network(None).unwrap();
        let previewed = given.render(&lamp()).unwrap();
        let items = items(&previewed);
        assert_eq!(
            names(&items),
            "configmap/base\nconfigmap/bulb\nconfigmap/horn"
        );
        let text = documents(&items).unwrap();
        let from: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        let expected = [
            "# phase: base, file: base.yaml, index: 0",
            "# phase: light, file: bulb.yaml.gotmpl, index: 0",
            "# phase: horn/sound, component: horn, file: components/horn/horn.yaml, index: 0",
        ];
        assert_eq!(from, expected);
        let horn = "---
# phase: horn/sound, component: horn, file: components/horn/horn.yaml, index: 0
apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    stevedore.dev/instance: brass
    stevedore.dev/package: horn
  name: horn
  namespace: default
";
        assert!(text.ends_with(horn), "{text}");
    }

    #[test]
    fn what_is_printed_reads_back_as_what_was_rendered_whatever_names_hold() {
        let spec = "  scopes: [Namespaced]\n  phases: [{name: \"a\\n---\\nkind: Evil\", class: hosted-cluster}]\n";
        let object = map(
            "a",
            "\"a\\n---\\nkind: Evil\"",
            ", package-operator.run/collision-protection: None",
        );
        let data = "data: {y: 'off', \"1e3\": '0777', text: \"a\\n\\n\", dashes: \"x\\n---\\n# y\", bell: \"\\a\"}\n";
        let package = loaded(&[
            ("manifest.yaml", &manifest("odd", spec)),
            ("a.yaml", &format!("{object}{data}")),
        ]);
        let given = Options::default().without_network(None).unwrap();
        let previewed = given.render(&package).unwrap();
        let items = items(&previewed);
        let text = documents(&items).unwrap();
        let read = stevedore_package::preview::read_config("printed", text.as_bytes());
        assert_eq!(read.unwrap().as_ref(), Some(items[0].object), "{text}");
        let comment =
            "# phase: a\\u{a}---\\u{a}kind: Evil, class: hosted-cluster, file: a.yaml, index: 0";
        assert_eq!(text.lines().nth(1), Some(comment));
        let list = serde_json::to_value(Items { items: &items }).unwrap();
        let item = &list["items"][0];
        assert_eq!(
            (&item["class"], &item["collisionProtection"]),
            (&"hosted-cluster".into(), &"None".into())
        );
    }
}
