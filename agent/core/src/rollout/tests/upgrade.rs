//! A newer agent takes up what an older one left.

use super::*;

#[test]
fn what_an_older_agent_wanted_otherwise_is_written_anew_and_is_nobodys_drift() {
    let secret = desired(Kind::new("", "v1", "Secret"), "login", PhasePart::Rest);
    let mut seen = ours(&secret, 5);
    let content = ShortHash::of(&Digest::of(b"as the older agent applied it"));
    seen.owner = Owner::Deployment {
        uid: OURS,
        order: 2,
        content,
    };
    let record = Record {
        uid: seen.uid.clone(),
        fingerprint: seen.fingerprint,
    };
    let mut rollout = rollout(vec![secret.clone()], |_| Memory {
        record: Some(record.clone()),
        placed: true,
        seen: None,
    });
    let list = Job::List(WatchKey::of(&secret.key));
    assert_eq!(rollout.plan(0, 9).0, std::slice::from_ref(&list));
    rollout.begin(&list);
    let found = vec![(secret.key.clone(), seen.clone())];
    rollout.finish(&list, Answer::Listed(found), 0);
    assert_eq!(rollout.summary().incidents, []);
    let write = Job::Apply(0, Guard::on(&seen));
    assert_eq!(rollout.plan(0, 9).0, [write]);
}
