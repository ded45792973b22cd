use super::*;
use stevedore_crds::condition::{Status, Update};
use stevedore_crds::v1alpha1::{
    ClusterPackage, ClusterPackageSpec, FailureGroup, Hold, MemberClusterSpec, MemberClusterStatus,
    PackageCounts,
};
use stevedore_proto_core::ledger::ObservedState;
use stevedore_proto_core::{ClusterUid, Reason};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A package of which the hub has said this, of the newest spec.
fn package(type_: &str, status: Status) -> AnyPackage {
    let mut package = ClusterPackage::new("lighthouse", ClusterPackageSpec::default());
    package.metadata.uid = Some("uid-1".into());
    package.metadata.generation = Some(1);
    let mut package = AnyPackage::from(package);
    package.status.observed_generation = Some(1);
    says(&mut package, type_, status);
    package
}

fn progressing() -> AnyPackage {
    package(condition::AVAILABLE, Status::False)
}

/// A package whose second revision is ordered.
fn rolled_out() -> AnyPackage {
    let mut package = package(condition::AVAILABLE, Status::True);
    says(&mut package, condition::UNPACKED, Status::True);
    package.status.revision = Some(2);
    package
}

fn rolled_out_and_not_everywhere() -> AnyPackage {
    let mut package = rolled_out();
    says(&mut package, condition::AVAILABLE, Status::False);
    package
}

fn says(package: &mut AnyPackage, type_: &str, status: Status) {
    let update = Update::new(type_, status, "Said", "so it is");
    update.apply(&mut package.status.conditions, 1, at(0));
}

fn found(package: &AnyPackage, connected: Status, ledgers: &[PackageLedger]) -> Explanation {
    explain(
        package,
        "harbour-1",
        &cluster(connected),
        ledgers,
        Timestamp::UNIX_EPOCH,
    )
    .unwrap()
}

fn cluster(connected: Status) -> MemberCluster {
    let mut cluster = MemberCluster::new(
        "harbour-1",
        MemberClusterSpec {
            cluster_uid: Some(ClusterUid::from_bytes([1; 16]).to_string()),
            ..Default::default()
        },
    );
    let mut status = MemberClusterStatus::default();
    Update::new(condition::CONNECTED, connected, "Lost", "no heartbeat").apply(
        &mut status.conditions,
        1,
        at(0),
    );
    cluster.status = Some(status);
    cluster
}

fn ledger(uid: &str) -> PackageLedger {
    let detail = DeploymentDetail {
        cluster: "harbour-1".into(),
        phase: Some("workload".into()),
        reason: "ProbeFailure".into(),
        message: "the lamp is dark".into(),
        since: None,
    };
    let mut ledger = crate::deployments::tests::ledger(uid, &[(1, 7, 7, ObservedState::Failing)]);
    ledger.status.as_mut().unwrap().details = vec![detail];
    ledger
}

#[test]
fn phase_reason_and_message_come_from_the_ledger_of_this_incarnation() {
    let both = [ledger("uid-0"), ledger("uid-1")];
    let now = found(&progressing(), Status::True, &both);
    assert_eq!(now.detail.as_ref().unwrap().reason, "ProbeFailure");
    assert_eq!(now.standing, Standing::Failing);
    let lines = now.lines(at(0)).join("\n");
    assert!(lines.contains("the lamp is dark"), "{lines}");
    assert!(lines.contains("7 of revision 2: Failing"), "{lines}");
    let older = found(&progressing(), Status::True, &both[..1]);
    assert_eq!((older.detail, older.order), (None, None));
}

#[test]
fn only_an_available_order_is_available() {
    for (state, standing) in [
        (ObservedState::Unknown, Standing::OnItsWay),
        (ObservedState::Received, Standing::OnItsWay),
        (ObservedState::Applied, Standing::OnItsWay),
        (ObservedState::Refused, Standing::Failing),
        (ObservedState::Frozen, Standing::Failing),
        (ObservedState::Deleted, Standing::Leaving),
        (ObservedState::Available, Standing::Available),
    ] {
        let ledger = crate::deployments::tests::ledger("uid-1", &[(1, 7, 7, state)]);
        let now = found(&rolled_out_and_not_everywhere(), Status::True, &[ledger]);
        assert_eq!(now.standing, standing, "{state:?}");
        let lines = now.lines(at(0)).join("\n");
        let says = lines.contains("on its way");
        assert_eq!(says, standing == Standing::OnItsWay, "{lines}");
    }
}

#[test]
fn what_the_hub_says_of_all_clusters_is_newer_than_what_it_wrote_down_of_one() {
    let available = rolled_out();
    let now = found(&available, Status::True, &[ledger("uid-1")]);
    assert_eq!((now.standing, now.detail), (Standing::Available, None));
    let mut changed = available;
    changed.generation = 2;
    let now = found(&changed, Status::True, &[ledger("uid-1")]);
    assert_eq!(now.standing, Standing::Failing);
}

#[test]
fn what_is_available_and_not_what_the_spec_asks_for_is_outdated() {
    let ledger =
        || crate::deployments::tests::ledger("uid-1", &[(1, 7, 7, ObservedState::Available)]);
    let explained = |package: &AnyPackage| found(package, Status::True, &[ledger()]);
    assert_eq!(explained(&rolled_out()).standing, Standing::Available);

    let mut pulled = rolled_out();
    says(&mut pulled, condition::READY, Status::False);
    for unpacked in [Status::False, Status::Unknown] {
        says(&mut pulled, condition::UNPACKED, unpacked);
        let now = explained(&pulled);
        assert_eq!(now.standing, Standing::Outdated);
        let lines = now.lines(at(0)).join("\n");
        assert!(lines.contains("  spec        Said: so it is"), "{lines}");
    }

    let mut invalid = rolled_out();
    says(&mut invalid, condition::INVALID, Status::True);
    says(&mut invalid, condition::READY, Status::False);
    assert_eq!(explained(&invalid).standing, Standing::Outdated);

    let mut paused = rolled_out();
    paused.status.revision = Some(3);
    says(&mut paused, condition::READY, Status::True);
    says(&mut paused, condition::PAUSED, Status::True);
    let now = explained(&paused);
    assert_eq!(now.standing, Standing::Outdated);
    assert_eq!(now.outdated.as_deref(), Some("Said: so it is"));

    let mut unseen = rolled_out();
    unseen.generation = 2;
    let now = explained(&unseen);
    assert_eq!(now.standing, Standing::Outdated);
    assert!(now.outdated.unwrap().contains("has not seen"));
}

#[test]
fn a_cluster_for_which_nothing_can_be_rendered_is_told_why_whether_it_runs_something_or_not() {
    let mut package = rolled_out_and_not_everywhere();
    package.status.counts = Some(PackageCounts {
        failed: 3,
        ..Default::default()
    });
    package.status.failures = vec![FailureGroup {
        reason: "ClusterLabelMissing".into(),
        message: "the cluster has no label \"region\"".into(),
        count: 3,
        clusters: vec!["harbour-1".into()],
    }];
    let why = "ClusterLabelMissing: the cluster has no label \"region\"";
    let ledger = crate::deployments::tests::ledger("uid-1", &[(1, 7, 7, ObservedState::Available)]);
    let running = found(&package, Status::True, &[ledger]);
    assert_eq!(running.standing, Standing::Failing);
    assert_eq!(running.here, format!("counted as failing; {why}"));
    let new = found(&package, Status::True, &[]);
    assert_eq!(new.standing, Standing::Failing);
    assert_eq!(new.here, format!("nothing is ordered; {why}"));
    // A status names few of the clusters that fail for one reason.
    package.status.failures[0].clusters = vec!["harbour-2".into()];
    let unnamed = found(&package, Status::True, &[]);
    assert_eq!(unnamed.standing, Standing::NotPlaced);
    let said = "or it is one of 2 failing clusters that";
    assert!(unnamed.here.contains(said), "{}", unnamed.here);
}

#[test]
fn a_cluster_without_an_order_is_told_why() {
    let now = found(&progressing(), Status::True, &[]);
    assert_eq!(now.standing, Standing::NotPlaced);
    assert!(now.here.contains("not placed there"), "{}", now.here);
    let invalid = package(condition::INVALID, Status::True);
    let now = found(&invalid, Status::True, &[]);
    assert_eq!(now.standing, Standing::Failing);
    assert!(now.here.contains("so it is"), "{}", now.here);
    let pulled = package(condition::UNPACKED, Status::Unknown);
    let now = found(&pulled, Status::True, &[]);
    assert_eq!(now.standing, Standing::OnItsWay);
    let mut unseen = progressing();
    unseen.generation = 2;
    let now = found(&unseen, Status::True, &[]);
    assert_eq!(now.standing, Standing::OnItsWay);
}

#[test]
fn an_offline_cluster_is_said_to_be_offline() {
    let now = found(&progressing(), Status::Unknown, &[]);
    assert!(now.unreachable.unwrap().contains("no heartbeat"));
    assert_eq!(now.standing, Standing::Unknown);
}

#[test]
fn what_was_available_is_unknown_while_the_api_server_of_a_connected_cluster_is_silent() {
    let mut cluster = cluster(Status::True);
    let conditions = &mut cluster.status.as_mut().unwrap().conditions;
    let silent = Reason::ApiServerSilent;
    Update::new(condition::HEALTHY, false, &silent, "no answer").apply(conditions, 1, at(0));
    let ledgers = [ledger("u")];
    let (package, now) = (progressing(), Timestamp::UNIX_EPOCH);
    let now = explain(&package, "harbour-1", &cluster, &ledgers, now).unwrap();
    assert_eq!(now.standing, Standing::Unknown);
    let said = now.unreachable.unwrap();
    assert!(said.contains("APIServerSilent: no answer"), "{said}");
}

#[test]
fn the_component_that_is_asked_for_is_shown_and_none_is_where_it_is_the_root() {
    let mut package = progressing();
    let shown = |package: &AnyPackage| {
        let explanation = found(package, Status::True, &[]);
        let lines = explanation.lines(at(0)).join("\n");
        (lines, serde_json::to_value(&explanation).unwrap())
    };
    let (lines, json) = shown(&package);
    assert!(!lines.contains("component"), "{lines}");
    assert_eq!(json.get("component"), None);
    package.spec.component = Some("horn".into());
    let (lines, json) = shown(&package);
    assert!(lines.contains("  component   horn"), "{lines}");
    assert_eq!(json["component"], "horn");
}

#[test]
fn an_ineligible_cluster_is_told_why_and_keeps_what_it_has() {
    let mut package = rolled_out();
    package.status.ineligible = vec![FailureGroup {
        reason: "WrongPlatform".into(),
        message: "the package is for OpenShift, and the cluster is not".into(),
        count: 2,
        clusters: vec!["harbour-1".into()],
    }];
    let counts = package.status.counts.get_or_insert_default();
    counts.ineligible = 2;
    let now = found(&package, Status::True, &[]);
    assert_eq!(now.standing, Standing::Ineligible);
    assert!(
        now.here
            .contains("nothing is ordered; WrongPlatform: the package is for OpenShift")
    );
    let available = [(1, 7, 7, ObservedState::Available)];
    let ledger = crate::deployments::tests::ledger("uid-1", &available);
    let installed = found(&package, Status::True, &[ledger]);
    assert_eq!(installed.standing, Standing::Ineligible);
    assert!(
        installed.here.contains("keeps what it has"),
        "{}",
        installed.here
    );
    package.status.ineligible[0].clusters = vec!["harbour-2".into()];
    let unnamed = found(&package, Status::True, &[]);
    assert_eq!(unnamed.standing, Standing::NotPlaced);
    assert!(
        unnamed.here.contains("one of 1 ineligible clusters"),
        "{}",
        unnamed.here
    );
}

#[test]
fn a_held_cluster_that_is_behind_is_held_and_one_that_is_not_is_what_it_is() {
    let mut held = cluster(Status::True);
    held.spec.hold = Some(Hold {
        reason: Some("dredging".into()),
    });
    let explained = |package: &AnyPackage, ledgers: &[PackageLedger]| {
        explain(package, "harbour-1", &held, ledgers, at(0)).unwrap()
    };
    let nowhere = explained(&progressing(), &[]);
    assert_eq!(nowhere.standing, Standing::Held);
    let lines = nowhere.lines(at(0)).join("\n");
    assert!(lines.contains("hold        held: dredging"), "{lines}");
    let mut package = rolled_out();
    package.status.revision = Some(3);
    let behind = explained(&package, &[ledger("uid-1")]);
    assert_eq!(behind.standing, Standing::Held);
    assert!(behind.here.contains("keeps what it has"), "{}", behind.here);
}
