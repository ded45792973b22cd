//! Whether an offered order may be accepted: only forward.

use stevedore_proto_core::tuple::Standing;
use stevedore_proto_core::{Leadership, Reason, Tuple};

/// The verdict on an offered tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Newer than what is held.
    Accept,
    /// Exactly what is held.
    Same,
    /// Not forward: what is held stays, and this goes back to the hub.
    Refuse(Reason, &'static str),
}

/// Judges an offered tuple.
///
/// `speaker` is the leadership the session was opened by, `seen` the highest one this agent has met in
/// memory or stored with an order, `held` the newest tuple accepted for the deployment, stored or about to be.
///
/// The rules, in this order:
/// 1. a speaker older than one seen before is a restored or deposed hub; one with the same counter and
///    another id is another history,
/// 2. an order cannot come from a leadership its speaker has not reached,
/// 3. a higher epoch is an operator's decision and is accepted whatever its number,
/// 4. within an epoch neither term nor number may fall, and the number must rise,
/// 5. the same number means the same term and digest.
pub fn judge(
    offered: &Tuple,
    held: Option<&Tuple>,
    speaker: &Leadership,
    seen: Option<&Leadership>,
) -> Verdict {
    use Reason::{HubDiverged, HubRegressed};
    match seen.map(|seen| speaker.standing(seen)) {
        Some(Standing::Older) => {
            return Verdict::Refuse(
                HubRegressed,
                "the hub's epoch or term is older than one seen before",
            );
        }
        Some(Standing::Foreign) => {
            return Verdict::Refuse(
                HubDiverged,
                "the hub's epoch or term has another id than the one seen",
            );
        }
        Some(Standing::Current) | None => {}
    }
    match speaker.standing(&offered.leadership()) {
        Standing::Current => {}
        Standing::Older | Standing::Foreign => {
            return Verdict::Refuse(
                HubDiverged,
                "the order names a leadership its hub has not reached",
            );
        }
    }
    let Some(held) = held else {
        return Verdict::Accept;
    };
    if offered == held {
        return Verdict::Same;
    }
    if offered.epoch.counter > held.epoch.counter {
        return Verdict::Accept;
    }
    match offered.leadership().standing(&held.leadership()) {
        Standing::Older => Verdict::Refuse(
            HubRegressed,
            "the order's epoch or term is older than the held one",
        ),
        Standing::Foreign => Verdict::Refuse(
            HubDiverged,
            "the order's epoch or term has another id than the held one",
        ),
        Standing::Current if offered.number > held.number => Verdict::Accept,
        Standing::Current if offered.number < held.number => Verdict::Refuse(
            HubRegressed,
            "the order's number is lower than the held one",
        ),
        Standing::Current => {
            Verdict::Refuse(HubDiverged, "the held number was given to something else")
        }
    }
}

/// The higher of two leaderships; the first one when they cannot be compared.
pub fn highest(known: Option<Leadership>, other: Leadership) -> Leadership {
    match known {
        Some(known) if other.standing(&known) != Standing::Current => known,
        Some(_) | None => other,
    }
}

#[cfg(test)]
mod tests;
