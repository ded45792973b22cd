//! Words of the package's conditions for a rollout that is under way.

use stevedore_proto_core::Reason;

use crate::fleet::Failure;
use crate::rollout::{Gate, Halt, RolloutReport, Stop, Wait, WaveReport};

/// Why connected clusters do not have the newest order yet, if any have not.
pub(super) fn unready(report: &RolloutReport) -> Option<Failure> {
    let waits = report.waits.values();
    let is_left = |wait: &&Wait| matches!(wait, Wait::Offline | Wait::Skipped | Wait::Held);
    let waiting = waits.filter(|wait| !is_left(wait)).count();
    if waiting == 0 {
        return None;
    }
    let clusters = count(waiting);
    if let Some(halt) = &report.halt {
        let (reason, why) = halted(halt);
        let message = format!("{why}; {clusters} still to be changed");
        return Some(Failure::new(reason, message));
    }
    let mut waves = report.waves.iter();
    let current = waves.find(|wave| wave.gate != Gate::Passed);
    let Some(wave) = current else {
        let message = format!("{clusters} still to be changed");
        return Some(Failure::new(Reason::RollingOut, message));
    };
    let reason = match wave.gate {
        Gate::Approval => Reason::AwaitingApproval,
        _ => Reason::RollingOut,
    };
    let message = format!("{}; {clusters} still to be changed", progress(wave));
    Some(Failure::new(reason, message))
}

fn count(clusters: usize) -> String {
    match clusters {
        1 => "1 cluster".to_owned(),
        _ => format!("{clusters} clusters"),
    }
}

fn halted(halt: &Halt) -> (Reason, String) {
    let (reason, words) = match halt {
        Halt::Failures {
            wave,
            failed,
            allowed,
        } => {
            let wave = wave.as_ref();
            let of = wave.map_or(String::new(), |wave| format!(" of wave {wave}"));
            let fail = if *failed == 1 { "fails" } else { "fail" };
            let words = format!(
                "the rollout is halted: {}{of} {fail} while {allowed} may",
                count(*failed)
            );
            return (Reason::RolloutHalted, words);
        }
        Halt::Stopped(Stop::Paused) => (
            Reason::RolloutPaused,
            "the rollout is paused (stevedore rollout resume)",
        ),
        Halt::Stopped(Stop::Aborted) => (
            Reason::RolloutAborted,
            "the rollout was aborted, until the package asks for something else",
        ),
        Halt::Stopped(Stop::Rejected) => (
            Reason::RevisionRejected,
            "the revision is rejected (stevedore rollout release)",
        ),
    };
    (reason, words.to_owned())
}

/// Whether a person has to do something before anything more is ordered.
pub(super) fn is_stalled(report: &RolloutReport) -> bool {
    !matches!(report.halt, None | Some(Halt::Stopped(Stop::Paused)))
}

/// How far a wave is, and what it waits for.
fn progress(wave: &WaveReport) -> String {
    let WaveReport {
        name,
        targeted,
        updated,
        available,
        ..
    } = wave;
    let seen = format!("wave {name}: {updated} of {targeted} changed, {available} available");
    match wave.gate {
        Gate::Approval => format!("{seen}; it waits for an approval (stevedore rollout approve)"),
        Gate::Soaking(_) => format!("{seen}; it has to stay so for a time"),
        Gate::TooFewHeard => format!("{seen}; fewer than half of its clusters are heard"),
        _ => seen,
    }
}

#[cfg(test)]
mod tests {
    use stevedore_proto_core::ClusterUid;

    use super::*;

    fn report(gate: Gate, wait: Wait) -> RolloutReport {
        let waits = [1, 2].map(|seed| (ClusterUid::from_bytes([seed; 16]), wait));
        RolloutReport {
            waves: vec![WaveReport {
                name: "canary".into(),
                targeted: 1,
                updated: 1,
                available: 1,
                failed: 0,
                offline: 0,
                gate,
            }],
            waits: waits.into(),
            halt: None,
        }
    }

    #[test]
    fn what_waits_is_said_with_the_wave_that_it_waits_for() {
        let said = |report: &RolloutReport| {
            unready(report).map(|failure| (failure.reason, failure.message))
        };
        let soaking = Gate::Soaking(crate::moment::UnixMillis(1));
        assert_eq!(
            said(&report(soaking, Wait::EarlierWave)),
            Some((
                Reason::RollingOut,
                "wave canary: 1 of 1 changed, 1 available; it has to stay so for a time; 2 clusters still to be changed".into()
            ))
        );
        let (reason, message) = said(&report(Gate::Approval, Wait::Approval)).unwrap();
        assert_eq!(reason, Reason::AwaitingApproval);
        assert!(message.contains("stevedore rollout approve"), "{message}");
        let mut halted = report(Gate::Halted, Wait::Halted);
        halted.halt = Some(Halt::Failures {
            wave: None,
            failed: 1,
            allowed: 0,
        });
        assert_eq!(
            said(&halted),
            Some((
                Reason::RolloutHalted,
                "the rollout is halted: 1 cluster fails while 0 may; 2 clusters still to be changed".into()
            ))
        );
    }

    #[test]
    fn clusters_that_are_offline_are_no_reason_of_the_rollouts() {
        assert_eq!(unready(&report(Gate::Passed, Wait::Offline)), None);
        assert_eq!(unready(&RolloutReport::default()), None);
    }
}
