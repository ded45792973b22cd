//! The policy of a package's rollout, read from its spec.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use stevedore_crds::v1alpha1::{OfflinePolicy, Rollout, RolloutWave, WaveApproval};
use stevedore_hub_core::rollout::{Amount, Approval, Offline, Policy, Wave, WaveMembers};
use stevedore_proto_core::content::LabelSelector;

use crate::rollout::selector;

/// How a package with this spec is rolled out.
pub(super) fn of(rollout: Option<&Rollout>) -> Policy {
    let default = Policy::default();
    let Some(rollout) = rollout else {
        return default;
    };
    let waves = rollout.waves.as_ref();
    Policy {
        waves: waves.map(|waves| waves.iter().flat_map(waves_of).collect()),
        max_concurrent: rollout.max_concurrent.as_ref().and_then(amount),
        max_unavailable: rollout
            .max_unavailable
            .as_ref()
            .and_then(amount)
            .unwrap_or(default.max_unavailable),
        max_failures: rollout
            .max_failures
            .as_ref()
            .and_then(amount)
            .unwrap_or(default.max_failures),
        min_ready: rollout.min_ready_seconds.map_or(default.min_ready, seconds),
        progress_deadline: rollout
            .progress_deadline_seconds
            .map_or(default.progress_deadline, seconds),
        offline: match rollout.offline {
            None | Some(OfflinePolicy::Skip) => Offline::Skip,
            Some(OfflinePolicy::Wait) => Offline::Wait,
            Some(OfflinePolicy::Count) => Offline::Count,
        },
    }
}

/// The waves that one entry of the spec makes.
fn waves_of(wave: &RolloutWave) -> Vec<Wave> {
    let of = |name: String, members| Wave {
        name,
        members,
        max_concurrent: wave.max_concurrent.as_ref().and_then(amount),
        max_failures: wave.max_failures.as_ref().and_then(amount),
        min_ready: wave.min_ready_seconds.map(seconds),
        approval: wave.approval.map(|approval| match approval {
            WaveApproval::Before => Approval::Before,
            WaveApproval::After => Approval::After,
        }),
    };
    if let Some(label) = &wave.label {
        let values = label.values.iter();
        let value = |value: &String| {
            let labels = [(label.key.clone(), value.clone())];
            let selector = LabelSelector {
                match_labels: labels.into(),
                match_expressions: Vec::new(),
            };
            let name = format!("{}/{value}", wave.name);
            of(name, WaveMembers::Selector(selector))
        };
        return values.map(value).collect();
    }
    let members = if let Some(wanted) = &wave.cluster_selector {
        WaveMembers::Selector(selector::of(wanted))
    } else if let Some(names) = &wave.cluster_names {
        WaveMembers::Names(names.iter().cloned().collect())
    } else if let Some(amount) = wave.clusters.as_ref().and_then(amount) {
        WaveMembers::Number(amount)
    } else {
        WaveMembers::Rest
    };
    vec![of(wave.name.clone(), members)]
}

/// A number or a percentage; nothing of what the definition would have refused.
fn amount(amount: &IntOrString) -> Option<Amount> {
    match amount {
        IntOrString::Int(count) => u32::try_from(*count).ok().map(Amount::Count),
        IntOrString::String(text) => {
            let percent = text.strip_suffix('%')?.parse().ok()?;
            (percent <= 100).then_some(Amount::Percent(percent))
        }
    }
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(spec: serde_json::Value) -> Policy {
        of(Some(&serde_json::from_value(spec).unwrap()))
    }

    #[test]
    fn what_a_spec_leaves_out_is_the_default() {
        assert_eq!(of(None), Policy::default());
        assert_eq!(policy(json!({})), Policy::default());
        let read = policy(json!({
            "waves": [], "maxUnavailable": "100%", "maxFailures": "100%",
        }));
        let at_once = Policy {
            waves: Some(Vec::new()),
            max_unavailable: Amount::Percent(100),
            max_failures: Amount::Percent(100),
            ..Policy::default()
        };
        assert_eq!(read, at_once);
    }

    #[test]
    fn a_label_makes_a_wave_of_each_of_its_values() {
        let read = policy(json!({"waves": [
            {"name": "region", "label": {"key": "region", "values": ["north", "south"]}, "minReadySeconds": 5},
            {"name": "two", "clusters": 2, "approval": "After"},
            {"name": "named", "clusterNames": ["east"]},
            {"name": "others"},
        ]}));
        let waves = read.waves.unwrap();
        let names: Vec<_> = waves.iter().map(|wave| &*wave.name).collect();
        assert_eq!(
            names,
            ["region/north", "region/south", "two", "named", "others"]
        );
        assert_eq!(waves[1].min_ready, Some(Duration::from_secs(5)));
        assert_eq!(waves[2].members, WaveMembers::Number(Amount::Count(2)));
        assert_eq!(waves[2].approval, Some(Approval::After));
        assert_eq!(waves[4].members, WaveMembers::Rest);
    }
}
