//! The phases of a manifest: their names, and the classes that say who runs them.

use serde::Deserialize;
use serde_json::Value;
use stevedore_proto_core::content::{OWN_CLASS, bounds};

use super::document::{Problems, at};
use super::model::ManifestPhase;
use crate::names::check_value;

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    name: String,
    #[serde(default)]
    class: Option<String>,
}

pub(super) fn parse(value: &Value, problems: &mut Problems<'_>) -> Vec<ManifestPhase> {
    let phases: Vec<Written> = problems.entries(value, "spec.phases");
    if phases.is_empty() && at(value, "spec.phases").is_none_or(|it| it == &Value::Array(vec![])) {
        problems.add("spec.phases", "Required value");
    }
    if phases.len() > bounds::PHASES {
        let (count, limit) = (phases.len(), bounds::PHASES);
        problems.add(
            "spec.phases",
            format!("{count} phases, the limit is {limit}"),
        );
    }
    for (number, phase) in phases.iter().enumerate() {
        let field = format!("spec.phases[{number}].name");
        if phase.name.is_empty() {
            problems.add(&field, "Required value");
        } else if phase.name.len() > bounds::PHASE_NAME {
            let limit = bounds::PHASE_NAME;
            problems.add(&field, format!("must be no longer than {limit} characters"));
        }
        if let Some(Err(why)) = phase.class.as_deref().map(check_value) {
            let field = format!("spec.phases[{number}].class");
            problems.add(&field, format!("Invalid value: it is like a label, {why}"));
        }
    }
    problems.unique(
        "spec.phases",
        phases.iter().map(|phase| phase.name.as_str()),
    );
    let own = |class: &String| matches!(class.as_str(), "" | OWN_CLASS);
    let read = |Written { name, class }| ManifestPhase {
        name,
        class: class.filter(|class| !own(class)),
    };
    phases.into_iter().map(read).collect()
}
