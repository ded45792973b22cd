//! The phases of a manifest: their names, and the classes that say who runs them.

use serde::Deserialize;
use serde_json::Value;
use stevedore_proto_core::content::{OWN_CLASS, bounds};

use super::model::ManifestPhase;
use super::problems::{Problems, at, items};
use crate::names::check_value;

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    name: String,
    #[serde(default)]
    class: Option<String>,
}

pub(super) fn parse(value: &Value, problems: &mut Problems<'_>) -> Vec<ManifestPhase> {
    let count = items(at(value, "spec.phases")).count();
    if count == 0 && !problems.is_told("spec.phases") {
        problems.add("spec.phases", "Required value");
    }
    if count > bounds::PHASES {
        let limit = bounds::PHASES;
        problems.add(
            "spec.phases",
            format!("{count} phases, the limit is {limit}"),
        );
        return Vec::new();
    }
    let phases: Vec<(usize, Written)> = problems.entries(value, "spec.phases");
    for (number, phase) in &phases {
        let field = format!("spec.phases[{number}].name");
        if problems.is_told(&field) {
            continue;
        }
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
        phases
            .iter()
            .filter(|(_, phase)| !phase.name.is_empty())
            .map(|(number, phase)| (*number, phase.name.as_str())),
    );
    let own = |class: &String| matches!(class.as_str(), "" | OWN_CLASS);
    let read = |(_, Written { name, class })| ManifestPhase {
        name,
        class: class.filter(|class| !own(class)),
    };
    phases.into_iter().map(read).collect()
}
