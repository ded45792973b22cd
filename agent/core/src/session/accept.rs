//! The rule of acceptance: an order is accepted only forward.

use stevedore_proto_core::tuple::Precedence;
use stevedore_proto_core::{Leadership, Reason, Tuple};

/// The decision on an offered tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Newer than what is held.
    Accept,
    /// Exactly what is held.
    Same,
    /// Not forward: what is held stays, and this goes back to the hub.
    Refuse(Reason, &'static str),
}

/// Judges an offered tuple.
///
/// `leader` is the leadership the session was opened by, `seen` the highest one this agent has met in
/// memory or stored with an order, `held` the newest tuple accepted for the deployment, stored or about to be.
///
/// The rules, in this order:
/// 1. a leader older than one seen before is a restored or deposed hub; one with the same counter and
///    another id is another history,
/// 2. an order cannot come from a leadership its leader has not reached,
/// 3. a higher epoch is an operator's decision and is accepted whatever its number,
/// 4. within an epoch neither term nor number may fall, and the number must rise,
/// 5. the same number means the same term and digest.
pub fn decide(
    offered: &Tuple,
    held: Option<&Tuple>,
    leader: &Leadership,
    seen: Option<&Leadership>,
) -> Decision {
    use Reason::{HubDiverged, HubRegressed};
    match seen.map(|seen| leader.compared_to(seen)) {
        Some(Precedence::Older) => {
            return Decision::Refuse(
                HubRegressed,
                "the hub's epoch or term is older than one seen before",
            );
        }
        Some(Precedence::Foreign) => {
            return Decision::Refuse(
                HubDiverged,
                "the hub's epoch or term has another id than the one seen",
            );
        }
        Some(Precedence::Current) | None => {}
    }
    match leader.compared_to(&offered.leadership()) {
        Precedence::Current => {}
        Precedence::Older | Precedence::Foreign => {
            return Decision::Refuse(
                HubDiverged,
                "the order names a leadership its hub has not reached",
            );
        }
    }
    let Some(held) = held else {
        return Decision::Accept;
    };
    if offered == held {
        return Decision::Same;
    }
    if offered.epoch.counter > held.epoch.counter {
        return Decision::Accept;
    }
    match offered.leadership().compared_to(&held.leadership()) {
        Precedence::Older => Decision::Refuse(
            HubRegressed,
            "the order's epoch or term is older than the held one",
        ),
        Precedence::Foreign => Decision::Refuse(
            HubDiverged,
            "the order's epoch or term has another id than the held one",
        ),
        Precedence::Current if offered.number > held.number => Decision::Accept,
        Precedence::Current if offered.number < held.number => Decision::Refuse(
            HubRegressed,
            "the order's number is lower than the held one",
        ),
        Precedence::Current => {
            Decision::Refuse(HubDiverged, "the held number was given to something else")
        }
    }
}

/// The higher of two leaderships; the first one when they cannot be compared.
pub fn highest(known: Option<Leadership>, other: Leadership) -> Leadership {
    match known {
        Some(known) if other.compared_to(&known) != Precedence::Current => known,
        Some(_) | None => other,
    }
}

#[cfg(test)]
mod tests;
