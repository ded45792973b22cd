//! Refusals of values that are one over a limit, or not what they should be, with the field's name.

use stevedore_proto::decode::Error;
use stevedore_proto::v1;
use stevedore_proto_core::message::{Hello, OrderMessage, Page};
use stevedore_proto_core::status::cap;
use stevedore_proto_core::{
    ContentRef, DeploymentStatus, Digest, Environment, OrderBody, ToAgent, ToHub, limit,
};

fn too_long(result: Result<impl std::fmt::Debug, Error>) -> &'static str {
    match result {
        Err(Error::TooLong { field, is, max }) => {
            assert_eq!(is, max + 1, "{field}");
            field
        }
        other => panic!("not too long: {other:?}"),
    }
}

use super::{environments, samples};

#[test]
fn texts_of_a_status_end_at_their_caps() {
    let with = |message: usize| {
        let mut status = v1::DeploymentStatus::from(samples::status());
        status.phases[0].message = "x".repeat(message);
        DeploymentStatus::try_from(status)
    };
    assert!(with(cap::DETAIL).is_ok());
    assert_eq!(too_long(with(cap::DETAIL + 1)), "phase.message");
}

#[test]
fn a_report_ends_at_its_limit_before_a_field_of_it_is_looked_at() {
    let with = |size: usize| {
        let mut status = v1::DeploymentStatus::from(samples::status());
        let detail = &mut status.phases[0].message;
        detail.clear();
        let empty = prost::Message::encoded_len(&status);
        let longest = (0..=size - empty).rev();
        let mut lengths = longest.map(|length| {
            status.phases[0].message = "x".repeat(length);
            (prost::Message::encoded_len(&status), status.clone())
        });
        let exact = lengths.find(|(length, _)| *length <= size);
        let (length, status) = exact.expect("an empty one fits");
        assert_eq!(length, size);
        ToHub::try_from(v1::ToHub {
            message: Some(v1::to_hub::Message::Status(v1::StatusReport {
                sequence: 1,
                status: Some(status),
            })),
        })
    };
    // At the limit it is its one long text that is too long.
    let refused = with(limit::STATUS).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::TooLong {
                field: "phase.message",
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(too_long(with(limit::STATUS + 1)), "report.status");
}

#[test]
fn lists_of_a_status_end_at_their_caps() {
    let with = |phases: usize, blockers: usize| {
        let mut status = samples::status();
        status.phases = vec![status.phases[0].clone(); phases];
        status.blockers = vec![status.blockers[0].clone(); blockers];
        DeploymentStatus::try_from(v1::DeploymentStatus::from(status))
    };
    assert!(with(limit::PHASES, cap::BLOCKERS).is_ok());
    assert_eq!(too_long(with(limit::PHASES + 1, 0)), "status.phases");
    assert_eq!(too_long(with(0, cap::BLOCKERS + 1)), "status.blockers");
}

#[test]
fn inline_content_ends_at_its_limit() {
    let with = |size: usize| {
        let mut order = v1::Order::from(samples::order(OrderBody::Tombstone));
        order.content = Some(vec![0; size].into());
        OrderMessage::try_from(order)
    };
    assert!(with(limit::INLINE_CONTENT).is_ok());
    assert_eq!(too_long(with(limit::INLINE_CONTENT + 1)), "order.content");
}

#[test]
fn announced_content_ends_at_its_limit() {
    let with = |size: usize| {
        ContentRef::try_from(v1::ContentRef {
            digest: vec![0; 32].into(),
            size: size as u64,
        })
    };
    assert!(with(limit::CONTENT).is_ok());
    assert_eq!(too_long(with(limit::CONTENT + 1)), "content.size");
}

#[test]
fn pages_end_at_their_limits() {
    let with = |held: usize, contents: usize| {
        let mut page = samples::page();
        page.held = vec![page.held[0].clone(); held];
        page.contents = vec![Digest::of(b""); contents];
        Page::try_from(v1::Page::from(page))
    };
    assert!(with(limit::HELD_PAGE_ENTRIES, limit::HELD_PAGE_CONTENTS).is_ok());
    assert_eq!(too_long(with(limit::HELD_PAGE_ENTRIES + 1, 0)), "page.held");
    assert_eq!(
        too_long(with(0, limit::HELD_PAGE_CONTENTS + 1)),
        "page.contents"
    );
}

#[test]
fn the_biggest_page_fits_a_message() {
    let mut page = samples::page();
    let mut held = page.held[0].clone();
    held.package.name = "n".repeat(limit::NAME);
    held.package.namespace = Some("n".repeat(limit::NAME));
    page.held = vec![held; limit::HELD_PAGE_ENTRIES];
    page.contents = vec![Digest::of(b""); limit::HELD_PAGE_CONTENTS];
    let size = prost::Message::encoded_len(&v1::ToHub::from(ToHub::Page(page)));
    assert!(size <= stevedore_proto::TO_HUB_MESSAGE, "{size}");
}

#[test]
fn features_end_at_their_limit() {
    let mut hello = v1::Hello::from(samples::hello());
    hello.features = vec![String::new(); limit::FEATURES + 1];
    assert_eq!(too_long(Hello::try_from(hello)), "hello.features");
}

#[test]
fn ids_and_digests_of_another_length_are_malformed() {
    let mut hello = v1::Hello::from(samples::hello());
    hello.root = vec![0; 31].into();
    assert_eq!(Hello::try_from(hello), Err(Error::Malformed("hello.root")));
    let mut order = v1::Order::from(samples::order(OrderBody::Tombstone));
    order.deployment = vec![0; 17].into();
    assert_eq!(
        OrderMessage::try_from(order),
        Err(Error::Malformed("order.deployment"))
    );
}

#[test]
fn an_order_without_a_body_is_no_tombstone() {
    let mut order = v1::Order::from(samples::order(OrderBody::Tombstone));
    order.body = None;
    assert_eq!(
        OrderMessage::try_from(order),
        Err(Error::Missing("order.body"))
    );
}

#[test]
fn a_kind_of_message_of_a_later_release_is_told_apart_from_a_broken_one() {
    // Field 99, empty.
    let later: &[u8] = &[0x9a, 0x06, 0x00];
    let to_hub = <v1::ToHub as prost::Message>::decode(later).unwrap();
    assert_eq!(ToHub::try_from(to_hub), Err(Error::UnknownMessage));
    let to_agent = <v1::ToAgent as prost::Message>::decode(later).unwrap();
    assert_eq!(ToAgent::try_from(to_agent), Err(Error::UnknownMessage));
}

#[test]
fn garbage_never_panics() {
    let mut state = 7_u64;
    for len in 0..2_000_usize {
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        let bytes: Vec<u8> = (0..len % 97).map(|_| next()).collect();
        if let Ok(wire) = <v1::ToHub as prost::Message>::decode(bytes.as_slice()) {
            let _ = ToHub::try_from(wire);
        }
        if let Ok(wire) = <v1::ToAgent as prost::Message>::decode(bytes.as_slice()) {
            let _ = ToAgent::try_from(wire);
        }
    }
}

#[test]
fn maps_of_an_environment_end_at_their_caps_and_all_of_them_together_too() {
    let with = |entries: usize, key: usize, value: usize, clusters: usize| {
        let mut environment = v1::Environment::from(environments::environment_with_everything());
        let hyper_shift = environment.hyper_shift.as_mut().unwrap();
        let hosted = &mut hyper_shift.hosted_clusters;
        let key = |at: usize| format!("{at:0key$}");
        let entries = (0..entries).map(|at| (key(at), "v".repeat(value)));
        hosted[0].labels = entries.collect();
        *hosted = vec![hosted[0].clone(); clusters];
        Environment::try_from(environment)
    };
    let (entries, key, value) = (limit::MAP_ENTRIES, limit::MAP_KEY, limit::MAP_VALUE);
    assert!(with(entries, 2, 0, 1).is_ok());
    let labels = "hosted_cluster.labels";
    assert_eq!(too_long(with(entries + 1, 2, 0, 1)), labels);
    assert!(with(1, key, value, 1).is_ok());
    assert_eq!(too_long(with(1, key + 1, 0, 1)), labels);
    assert_eq!(too_long(with(1, 1, value + 1, 1)), labels);
    let clusters = limit::HOSTED_CLUSTERS;
    assert!(with(0, 1, 0, clusters).is_ok());
    assert_eq!(too_long(with(0, 1, 0, clusters + 1)), "hosted_clusters");
    let together = with(entries, 8, value, 2).unwrap_err();
    assert!(
        matches!(
            together,
            Error::TooLong {
                field: "environment",
                ..
            }
        ),
        "{together}"
    );
}
