use super::*;
use crate::adopt::tests::seen;
use crate::key::Kind;
use crate::mark::ShortHash;
use crate::observation::Owner;
use stevedore_proto_core::Digest;

const OURS: DeploymentUid = DeploymentUid::from_bytes([1; 16]);
const NOW: Millis = 1_000;

/// What a read of an object of ours shows while it is being deleted.
fn dying() -> Observation {
    let mut seen = seen(Owner::Deployment {
        uid: OURS,
        order: 1,
        content: ShortHash::of(&Digest::of(b"content")),
    });
    seen.terminating = Some("kubernetes".into());
    seen
}

#[test]
fn an_object_that_left_its_watch_while_it_was_read_is_read_again_at_once() {
    let key = ObjectKey::new(Kind::new("", "v1", "Namespace"), None, "shop");
    let target = RemovalTarget {
        key: key.clone(),
        rank: 0,
        uid: None,
    };
    let mut removal = Removal::new(OURS, 1, vec![target], 7);
    let read = Job::Read(0);
    for _ in 0..8 {
        // It is read less and less often while it is there.
        removal.retry_now();
        assert_eq!(removal.plan(NOW, 16).0, std::slice::from_ref(&read));
        removal.begin(&read);
        removal.finish(&read, Answer::Read(Some(dying())), NOW);
        assert_eq!(removal.plan(NOW, 16).0, []);
    }
    removal.retry_now();
    removal.begin(&read);
    removal.removed(&key);
    // The answer is of the moment before.
    removal.finish(&read, Answer::Read(Some(dying())), NOW);
    assert_eq!(removal.plan(NOW, 16).0, std::slice::from_ref(&read));
    removal.begin(&read);
    removal.finish(&read, Answer::Read(None), NOW);
    assert!(removal.is_complete());
}
