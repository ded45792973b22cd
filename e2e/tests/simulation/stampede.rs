//! A whole fleet at once: shipped agents against the shipped pace of session starts.

use std::collections::BTreeMap;

use stevedore_agent_core::session::Session;
use stevedore_agent_core::session::{Action, Connection, Event, Identity, Reconnect, Recovered};
use stevedore_hub_core::session::Pacer;
use stevedore_proto_core::message::{Close, CloseReason};
use stevedore_proto_core::{ClusterUid, InstanceId, Millis, ToAgent};

use super::rng::Rng;

/// How long the fleet has.
const DEADLINE: Millis = 600_000;

/// What happens to one agent.
enum Happening {
    /// It has waited as long as it wanted.
    Wake,
    /// Its stream reaches the hub.
    Knock(Connection),
}

/// When each of so many agents, that all start within one second, was admitted; as many as were.
pub(crate) fn admissions(agents: u64, seed: u64) -> Vec<Millis> {
    let mut rng = Rng::new(seed);
    let mut pacer = Pacer::default();
    let mut sessions: Vec<_> = (0..agents).map(|_| session(&mut rng)).collect();
    let mut queue: BTreeMap<(Millis, u64), (usize, Happening)> = BTreeMap::new();
    for agent in 0..agents {
        queue.insert((rng.below(1_000), agent), (agent as usize, Happening::Wake));
    }
    let (mut serial, mut admitted) = (agents, Vec::new());
    while let Some(((now, _), (agent, happening))) = queue.pop_first()
        && now < DEADLINE
    {
        let session = &mut sessions[agent];
        let next = match happening {
            Happening::Wake => {
                let actions = session.step(Event::Tick, now, rng.jitter());
                let dials = actions.into_iter().find_map(|action| match action {
                    Action::Connect { connection, .. } => Some(connection),
                    _ => None,
                });
                let dialled = dials.expect("it wakes to dial");
                (now + rng.between(1, 60), Happening::Knock(dialled))
            }
            Happening::Knock(connection) => match pacer.admit(now) {
                Ok(()) => {
                    admitted.push(now);
                    continue;
                }
                Err(retry_after) => {
                    turned_away(session, connection, retry_after, now, rng.jitter());
                    let again = session.wake_at().expect("it tries again");
                    (again, Happening::Wake)
                }
            },
        };
        serial += 1;
        queue.insert((next.0, serial), (agent, next.1));
    }
    admitted
}

fn session(rng: &mut Rng) -> Session {
    let identity = Identity {
        cluster: ClusterUid::from_bytes(rng.id()),
        instance: InstanceId::from_bytes(rng.id()),
        agent_version: "simulated".into(),
    };
    Session::new(identity, Recovered::default(), Reconnect::default())
}

/// As the hub does it: the stream opens, and all it brings is a close.
fn turned_away(
    session: &mut Session,
    connection: Connection,
    retry_after: Millis,
    now: Millis,
    jitter: u64,
) {
    session.step(Event::Connected(connection), now, jitter);
    let close = ToAgent::Close(Close {
        reason: CloseReason::Busy,
        message: String::new(),
        retry_after,
        redirect: None,
    });
    session.step(Event::Message(connection, close), now, jitter);
}
