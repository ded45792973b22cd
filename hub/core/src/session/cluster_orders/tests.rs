use stevedore_proto_core::{
    ClusterUid, ContentRef, EpochId, OrderBody, PackageRef, PackageUid, Settings, TermId,
};

use super::*;

fn epoch(counter: u64) -> Epoch {
    Epoch {
        counter,
        id: EpochId::from_bytes([counter as u8; 16]),
    }
}

fn term(counter: u64, id: u8) -> Term {
    Term {
        counter,
        id: TermId::from_bytes([id; 16]),
    }
}

fn tuple(epoch: Epoch, term: Term, number: u64) -> Tuple {
    Tuple {
        epoch,
        term,
        number,
        digest: Digest::of(&number.to_be_bytes()),
    }
}

/// Terms 1 and 2 gave 1–4 and 5–9; the order is number 7.
fn desired() -> DesiredOrder {
    let package = PackageUid::from_bytes([1; 16]);
    let deployment = DeploymentUid::derive(&package, &ClusterUid::from_bytes([2; 16]));
    let history = History::new(
        epoch(1),
        vec![
            TermStart {
                term: term(2, 2),
                first: 5,
            },
            TermStart {
                term: term(1, 1),
                first: 1,
            },
        ],
    );
    let order = Order {
        deployment,
        package: PackageRef {
            namespace: None,
            name: "demo".into(),
            uid: package,
            revision: 1,
        },
        tuple: tuple(epoch(1), term(2, 2), 7),
        settings: Settings::default(),
        body: OrderBody::Apply(ContentRef {
            digest: Digest::of(b"c"),
            size: 1,
        }),
    };
    DesiredOrder {
        order: Arc::new(order),
        history: Arc::new(history),
        needs: Features::NONE,
        finished: false,
    }
}

#[test]
fn what_this_history_gave_is_behind_and_everything_else_is_foreign() {
    use FreezeReason::{HubDiverged, HubRegressed};
    let desired = desired();
    for (held, relation) in [
        (tuple(epoch(1), term(1, 1), 4), Relation::Behind),
        (tuple(epoch(1), term(2, 2), 6), Relation::Behind),
        (desired.order.tuple, Relation::InSync),
        (
            tuple(epoch(1), term(2, 2), 8),
            Relation::Foreign(HubRegressed),
        ),
        // The number is below ours, but another leadership of a lost history gave it.
        (
            tuple(epoch(1), term(2, 9), 6),
            Relation::Foreign(HubDiverged),
        ),
        (
            tuple(epoch(1), term(1, 1), 6),
            Relation::Foreign(HubDiverged),
        ),
        (
            tuple(epoch(2), term(1, 1), 1),
            Relation::Foreign(HubRegressed),
        ),
        (
            tuple(
                Epoch {
                    id: EpochId::from_bytes([9; 16]),
                    counter: 1,
                },
                term(2, 2),
                6,
            ),
            Relation::Foreign(HubDiverged),
        ),
    ] {
        assert_eq!(desired.relation(Some(&held)), relation, "{held:?}");
    }
    assert_eq!(desired.relation(None), Relation::Behind);
}

#[test]
fn older_epoch_is_behind_whatever_its_number() {
    let mut raised = desired();
    let mut order = (*raised.order).clone();
    order.tuple = tuple(epoch(2), term(1, 1), 3);
    raised.order = Arc::new(order);
    assert_eq!(
        raised.relation(Some(&tuple(epoch(1), term(9, 9), 50))),
        Relation::Behind
    );
}

#[test]
fn a_cluster_may_fetch_only_what_its_orders_name() {
    let desired = desired();
    let leadership = desired.order.tuple.leadership();
    let mut orders = ClusterOrders::unloaded(leadership);
    orders.orders.insert(desired.order.deployment, desired);
    assert!(
        !orders.may_fetch(&Digest::of(b"c")),
        "not before it is loaded"
    );
    orders.loaded = true;
    assert!(orders.may_fetch(&Digest::of(b"c")));
    assert!(!orders.may_fetch(&Digest::of(b"another cluster's")));
}
