//! Records of rollouts in a ledger's object: when orders were given, and which waves are done.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use stevedore_crds::v1alpha1::{LedgerRollout, LedgerTime, LedgerWave};
use stevedore_hub_core::ledger::{OrderTime, RolloutRecord, WaveRecord};
use stevedore_hub_core::moment::UnixMillis;

/// When an order number was given.
pub(super) fn time(stored: &LedgerTime) -> OrderTime {
    OrderTime {
        number: u64::try_from(stored.number).unwrap_or_default(),
        at: moment(&stored.at),
    }
}

/// The form that is stored.
pub(super) fn stored_time(time: &OrderTime) -> LedgerTime {
    LedgerTime {
        number: i64::try_from(time.number).unwrap_or(i64::MAX),
        at: micro_time(time.at),
    }
}

/// What is stored of a rollout. Numbers that no hub gives are read as 0: then everything is part of it.
pub(super) fn rollout(stored: &LedgerRollout) -> RolloutRecord {
    let number = |value: i64| u64::try_from(value).unwrap_or_default();
    let wave = |wave: &LedgerWave| WaveRecord {
        name: wave.name.clone(),
        complete_since: wave.complete_since.as_ref().map(moment),
        passed: wave.passed,
    };
    RolloutRecord {
        revision: number(stored.revision),
        first: number(stored.first_number),
        waves: stored.waves.iter().map(wave).collect(),
        finished: stored.finished,
        retried: number(stored.retried),
    }
}

/// The form that is stored.
pub(super) fn stored_rollout(record: &RolloutRecord) -> LedgerRollout {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let wave = |wave: &WaveRecord| LedgerWave {
        name: wave.name.clone(),
        complete_since: wave.complete_since.map(micro_time),
        passed: wave.passed,
    };
    LedgerRollout {
        revision: number(record.revision),
        first_number: number(record.first),
        waves: record.waves.iter().map(wave).collect(),
        finished: record.finished,
        retried: number(record.retried),
    }
}

fn moment(time: &MicroTime) -> UnixMillis {
    UnixMillis(u64::try_from(time.0.as_millisecond()).unwrap_or_default())
}

fn micro_time(moment: UnixMillis) -> MicroTime {
    let millis = i64::try_from(moment.0).unwrap_or(i64::MAX);
    MicroTime(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_of_a_rollout_survives_being_stored() {
        let at = UnixMillis(1_800_000_000_123);
        let wave = |complete_since, passed| WaveRecord {
            name: "canary".to_owned(),
            complete_since,
            passed,
        };
        let record = RolloutRecord {
            revision: 4,
            first: 9,
            waves: vec![wave(Some(at), true), wave(None, false)],
            finished: true,
            retried: 3,
        };
        assert_eq!(rollout(&stored_rollout(&record)), record);
        let given = OrderTime { number: 9, at };
        assert_eq!(time(&stored_time(&given)), given);
    }
}
