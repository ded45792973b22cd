//! The preview of a package: what it renders to in a configuration, in a test case or on a member, without being
//! installed there.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use kube::ResourceExt as _;
use serde_json::Value;
use stevedore_client::Api;
use stevedore_crds::environment::facts;
use stevedore_crds::v1alpha1::MemberCluster;
use stevedore_package::files::PackageFiles;
use stevedore_package::manifest::{Scope, Unmet};
use stevedore_package::package::Package;
use stevedore_package::preview::{Member, Preview, PreviewError, read_config};
use stevedore_package::render::{ClusterFacts, Record, Rendered, check_stored_size};
use stevedore_package::warning::Warnings;
use stevedore_proto_core::{ClusterName, ClusterUid, name};

use super::report::Subject;
use super::source::Loaded;
use super::{input, report};
use crate::connection::Connection;
use crate::packages::existing_cluster;
use crate::terminal::escaped;

/// What is said of a package that cannot be rendered as asked for.
const NOT_RENDERED: &str = "it cannot be rendered so";
/// What to do where a label of the cluster is missing.
const GIVE_LABEL: &str =
    "name a cluster that has it with --cluster, or with --case a test case that gives one";

/// Where a package is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum InstalledIn {
    /// By a ClusterPackage
    Cluster,
    /// By a Package, into its namespace
    Namespace,
}

impl From<InstalledIn> for Scope {
    fn from(installed: InstalledIn) -> Self {
        match installed {
            InstalledIn::Cluster => Self::Cluster,
            InstalledIn::Namespace => Self::Namespaced,
        }
    }
}

/// What a package is rendered with. Nothing but --cluster uses the network.
#[derive(Debug, Default, Args)]
pub(super) struct Options {
    /// Component to render, instead of the root
    #[arg(long, value_name = "NAME", help_heading = "Rendered with")]
    component: Option<String>,
    /// Where it is installed; by default as the package's first scope says
    #[arg(
        long,
        value_enum,
        conflicts_with = "case",
        help_heading = "Rendered with"
    )]
    scope: Option<InstalledIn>,
    /// File with the configuration, YAML or JSON, or - for standard input; by default the schema's defaults
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "case",
        help_heading = "Rendered with"
    )]
    config: Option<PathBuf>,
    /// Test case of the manifest, which gives everything else
    #[arg(long, value_name = "NAME", help_heading = "Rendered with")]
    case: Option<String>,
    /// MemberCluster whose name, labels and environment templates see; read from the hub
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "case",
        help_heading = "Rendered with"
    )]
    cluster: Option<ClusterName>,
    /// Name of the Package or ClusterPackage; by default that of the manifest
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "case",
        help_heading = "Rendered with"
    )]
    name: Option<String>,
    /// Namespace of the Package; by default "default"
    #[arg(long, value_parser = name::namespace, conflicts_with = "case", help_heading = "Rendered with")]
    namespace: Option<String>,
}

/// Options with what they name: files were read, and the hub was asked.
pub(super) struct Given {
    preview: Preview,
    case: Option<String>,
}

/// A package that was rendered.
pub(super) struct Previewed {
    pub(super) rendered: Rendered,
    pub(super) record: Record,
}

impl Options {
    /// Reads what the options name.
    ///
    /// # Errors
    /// When the file cannot be read, or the hub cannot be asked or does not know enough of the member.
    pub(super) async fn read(self, connection: &Connection) -> anyhow::Result<Given> {
        let member = match &self.cluster {
            None => None,
            Some(name) => {
                let clusters: Api<MemberCluster> = Api::all(connection.client().await?);
                Some(member(&existing_cluster(&clusters, name).await?)?)
            }
        };
        self.without_network(member)
    }

    /// The same for what the hub said.
    pub(super) fn without_network(self, member: Option<Member>) -> anyhow::Result<Given> {
        let preview = Preview {
            component: self.component,
            scope: self.scope.map(Scope::from),
            name: self.name,
            namespace: self.namespace,
            image: None,
            is_from_image: false,
            config: self.config.as_deref().map(config).transpose()?,
            member,
        };
        Ok(Given {
            preview,
            case: self.case,
        })
    }
}

/// The configuration in a file.
fn config(path: &Path) -> anyhow::Result<Value> {
    let (shown, bytes) = match path == Path::new("-") {
        true => input::standard_input()?,
        false => input::read(path)?,
    };
    let config = read_config(&shown, &bytes).map_err(|invalid| {
        let subject = PackageFiles::new();
        Subject::files(&subject).refused(&invalid, "the configuration cannot be read", None)
    })?;
    Ok(config.unwrap_or_else(|| Value::Object(serde_json::Map::new())))
}

/// What the hub gives to the templates of a package on this cluster.
fn member(cluster: &MemberCluster) -> anyhow::Result<Member> {
    let name = cluster.name_any();
    let uid = cluster.spec.cluster_uid.as_deref();
    let uid: ClusterUid = uid
        .and_then(|uid| uid.parse().ok())
        .with_context(|| format!("{name} has not joined yet"))?;
    let status = cluster.status.as_ref();
    let environment = status.and_then(|status| status.environment.as_ref());
    let environment = environment.with_context(|| {
        format!("the environment of {name} is not known yet: its agent tells it when it connects")
    })?;
    Ok(Member {
        environment: facts(environment),
        cluster: ClusterFacts {
            name,
            uid: uid.to_string(),
            labels: cluster.metadata.labels.clone().unwrap_or_default(),
        },
    })
}

impl Given {
    /// Settles what is not given as the older of two packages has it, so that both are rendered alike.
    pub(super) fn for_both(&mut self, before: &Loaded, after: &Loaded) {
        // A folder is compared as what it would be under the name of the image.
        self.preview.image = before.image.clone().or_else(|| after.image.clone());
        let component = self.preview.component.as_deref();
        let parts = before.package.part(component).ok();
        let parts = parts.zip(after.package.part(component).ok());
        let Some((before, after)) = parts.map(|(one, other)| (one.manifest(), other.manifest()))
        else {
            return;
        };
        let preview = &mut self.preview;
        preview.name.get_or_insert_with(|| before.name.clone());
        if preview.scope.is_none() && preview.namespace.is_none() {
            let mut scopes = before.scopes.iter();
            preview.scope = scopes.find(|scope| after.scopes.contains(scope)).copied();
        }
    }

    /// Renders a package as the hub would: what no member could store is refused.
    ///
    /// # Errors
    /// When it cannot be rendered so, with all that is wrong.
    pub(super) fn render(&self, loaded: &Loaded) -> anyhow::Result<Previewed> {
        let image = loaded.image.as_ref().or(self.preview.image.as_ref());
        let preview = Preview {
            image: image.cloned(),
            is_from_image: loaded.image.is_some(),
            ..self.preview.clone()
        };
        let context = match &self.case {
            Some(case) => {
                let component = preview.component.as_deref();
                loaded.package.preview_of_case(component, case)
            }
            None => loaded.package.preview(&preview),
        };
        let context = context.map_err(|error| explained(error, loaded))?;
        let rendered = loaded.package.render_recorded(&context);
        let storable = rendered.and_then(|(rendered, record)| {
            check_stored_size(&rendered.content)?;
            Ok((rendered, record))
        });
        let (rendered, record) = storable.map_err(|invalid| {
            let subject = Subject {
                context: Some(&context),
                ..loaded.subject()
            };
            let lacks_label = invalid.lacks_label() && self.preview.member.is_none();
            subject.refused(&invalid, NOT_RENDERED, lacks_label.then_some(GIVE_LABEL))
        })?;
        Ok(Previewed { rendered, record })
    }

    /// What to know of a package as it is previewed, beside what it renders to.
    pub(super) fn notes(&self, loaded: &Loaded) -> Vec<String> {
        let mut notes = Vec::new();
        let part = loaded.package.part(self.preview.component.as_deref());
        let Ok(manifest) = part.map(Package::manifest) else {
            return notes;
        };
        if self.preview.config.is_some() && manifest.config.is_none() {
            let note =
                "the manifest has no schema of a configuration: what --config gives is not used";
            notes.push(note.to_owned());
        }
        if let Some(member) = &self.preview.member {
            let name = &member.cluster.name;
            match manifest.constraints.check(&member.environment) {
                Ok(()) => {}
                Err(Unmet::Ineligible(_, why)) => {
                    notes.push(format!("{name} would not be given it: {why}"));
                }
                Err(Unmet::Unknown(why)) => {
                    notes.push(format!("{name} would not be given it yet: {why}"));
                }
            }
        }
        notes
    }
}

/// That there are warnings, where there are.
pub(super) fn warned(loaded: &Loaded, previewed: &Previewed) -> Option<String> {
    let mut warnings = loaded.warnings.clone();
    warnings.extend(&previewed.rendered.warnings);
    untold(&warnings)
}

/// That there are warnings which are not told here, where there are.
pub(super) fn untold(warnings: &Warnings) -> Option<String> {
    let warnings = report::warnings_counted(warnings)?;
    let note = format!("{warnings}; `stevedore package validate` tells more");
    Some(note)
}

/// Notes for the person, beside what is printed.
pub(super) fn tell(notes: impl IntoIterator<Item = String>) {
    for note in notes {
        eprintln!("note: {}", escaped(&note));
    }
}

fn explained(error: PreviewError, loaded: &Loaded) -> anyhow::Error {
    match error {
        PreviewError::Invalid(invalid) => loaded.subject().refused(&invalid, NOT_RENDERED, None),
        PreviewError::NoDefaults { missing, cases } => {
            let what = "the defaults of the schema alone are no configuration";
            let mut mend =
                "give one with --config FILE, or with --case NAME that of a test case".to_owned();
            if !cases.is_empty() {
                mend.push_str(&format!(" ({})", escaped(&cases.join(", "))));
            }
            loaded.subject().refused(&missing, what, Some(&mend))
        }
        PreviewError::NamespaceOfCluster | PreviewError::NoCase { .. } => error.into(),
    }
}

#[cfg(test)]
mod tests;
