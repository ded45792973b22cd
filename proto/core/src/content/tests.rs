use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::canonical_json;

fn sample() -> Content {
    Content {
        phases: vec![Phase {
            name: "deploy".into(),
            objects: vec![PhaseObject {
                object: json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {"b": "", "a": null}}),
                collision_protection: Some(CollisionProtection::IfNoController),
                condition_mappings: vec![],
            }],
            ..Phase::default()
        }],
        availability_probes: vec![ProbeEntry {
            selector: ProbeSelector {
                kind: Some(KindSelector {
                    group: "apps".into(),
                    kind: "Deployment".into(),
                }),
                selector: None,
            },
            probes: vec![Probe {
                condition: Some(ConditionProbe {
                    r#type: "Available".into(),
                    status: "True".into(),
                }),
                ..Probe::default()
            }],
        }],
        success_delay_seconds: None,
    }
}

#[test]
fn bytes_are_sorted_dense_and_without_empty_fields_of_ours() {
    let text = String::from_utf8(sample().to_bytes()).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"availabilityProbes":[{"probes":[{"condition":{"status":"True","type":"Available"}}],"#,
            r#""selector":{"kind":{"group":"apps","kind":"Deployment"}}}],"#,
            r#""phases":[{"name":"deploy","objects":[{"collisionProtection":"IfNoController","#,
            r#""object":{"apiVersion":"v1","data":{"a":null,"b":""},"kind":"ConfigMap"}}]}]}"#,
        )
    );
}

#[test]
fn class_and_component_are_written_where_they_are_and_say_what_an_agent_has_to_know() {
    assert_eq!(sample().needs(), Features::NONE);
    let with = |class: Option<&str>, component: Option<&str>| {
        let mut content = sample();
        content.phases[0].class = class.map(str::to_owned);
        content.phases[0].component = component.map(str::to_owned);
        (
            content.needs(),
            String::from_utf8(content.to_bytes()).unwrap(),
        )
    };
    let (needs, text) = with(Some("elsewhere"), None);
    assert_eq!(needs, Features::PHASE_CLASSES);
    assert!(
        text.contains(r#"{"class":"elsewhere","name":"deploy","#),
        "{text}"
    );
    let (needs, text) = with(None, Some("horn"));
    assert_eq!(needs, Features::COMPONENTS);
    assert!(
        text.contains(r#"{"component":"horn","name":"deploy","#),
        "{text}"
    );
    for own in ["", OWN_CLASS] {
        assert_eq!(with(Some(own), None).0, Features::NONE, "{own:?}");
    }
}

#[test]
fn delivered_bytes_are_read_back_only_under_their_own_digest() {
    let content = sample();
    let bytes = content.to_bytes();
    let reference = content.reference();
    assert_eq!(Content::from_bytes(&bytes, &reference).unwrap(), content);
    let other = ContentRef {
        digest: Digest::of(b"other"),
        ..reference
    };
    assert!(matches!(
        Content::from_bytes(&bytes, &other),
        Err(Error::DigestMismatch)
    ));
    let longer = ContentRef {
        size: reference.size + 1,
        ..reference
    };
    assert!(matches!(
        Content::from_bytes(&bytes, &longer),
        Err(Error::DigestMismatch)
    ));
    let garbage = b"{".to_vec();
    assert!(matches!(
        Content::from_bytes(&garbage, &super::reference(&garbage)),
        Err(Error::Undecodable(_))
    ));
}

#[test]
fn content_at_the_limit_is_taken_and_one_byte_more_is_not() {
    let at = vec![b' '; limit::CONTENT];
    assert!(verify(&at, &super::reference(&at)).is_ok());
    let over = vec![b' '; limit::CONTENT + 1];
    assert!(matches!(
        verify(&over, &super::reference(&over)),
        Err(Error::TooLarge(_))
    ));
}

#[test]
fn sixty_four_phases_are_taken_and_one_more_is_not() {
    let with = |count: usize| Content {
        phases: (0..count)
            .map(|at| Phase {
                name: format!("p{at}"),
                objects: vec![],
                ..Phase::default()
            })
            .collect(),
        ..Content::default()
    };
    let at = with(limit::PHASES);
    assert_eq!(
        Content::from_bytes(&at.to_bytes(), &at.reference()).unwrap(),
        at
    );
    let over = with(limit::PHASES + 1);
    assert!(matches!(
        Content::from_bytes(&over.to_bytes(), &over.reference()),
        Err(Error::TooManyPhases(65))
    ));
}

#[test]
fn label_selector_means_what_kubernetes_means() {
    let labels = BTreeMap::from([("tier".to_owned(), "web".to_owned())]);
    let expression = |key: &str, operator, values: &[&str]| LabelSelector {
        match_labels: BTreeMap::new(),
        match_expressions: vec![LabelExpression {
            key: key.into(),
            operator,
            values: values.iter().map(ToString::to_string).collect(),
        }],
    };
    assert!(LabelSelector::default().matches(&labels));
    assert!(expression("tier", LabelOperator::In, &["web", "db"]).matches(&labels));
    assert!(!expression("tier", LabelOperator::NotIn, &["web"]).matches(&labels));
    assert!(expression("zone", LabelOperator::NotIn, &["a"]).matches(&labels));
    assert!(expression("tier", LabelOperator::Exists, &[]).matches(&labels));
    assert!(expression("zone", LabelOperator::DoesNotExist, &[]).matches(&labels));
    assert!(!expression("zone", LabelOperator::In, &["a"]).matches(&labels));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zä\"\\\\\n]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A content that has every field there is.
fn full(object: Value) -> Content {
    let expression = LabelExpression {
        key: "tier".into(),
        operator: LabelOperator::In,
        values: vec!["web".into()],
    };
    let selector = ProbeSelector {
        kind: Some(KindSelector {
            group: "apps".into(),
            kind: "Deployment".into(),
        }),
        selector: Some(LabelSelector {
            match_labels: BTreeMap::from(["b", "a"].map(|key| (key.to_owned(), "c".to_owned()))),
            match_expressions: vec![expression],
        }),
    };
    let probe = Probe {
        condition: Some(ConditionProbe {
            r#type: "Available".into(),
            status: "True".into(),
        }),
        fields_equal: Some(FieldsEqualProbe {
            field_a: ".a".into(),
            field_b: ".b".into(),
        }),
        cel: Some(CelProbe {
            rule: "true".into(),
            message: "never".into(),
        }),
    };
    Content {
        phases: vec![Phase {
            name: "deploy".into(),
            class: Some("elsewhere".into()),
            component: Some("horn".into()),
            objects: vec![PhaseObject {
                object,
                collision_protection: Some(CollisionProtection::None),
                condition_mappings: vec![ConditionMapping {
                    source_type: "Ready".into(),
                    destination_type: "example.org/Ready".into(),
                }],
            }],
        }],
        availability_probes: vec![ProbeEntry {
            selector,
            probes: vec![probe],
        }],
        success_delay_seconds: Some(5),
    }
}

proptest! {
    #[test]
    fn bytes_are_canonical_whatever_fields_there_are(object in any_json()) {
        let content = full(object);
        let value = serde_json::to_value(&content).unwrap();
        prop_assert_eq!(content.to_bytes(), canonical_json(&value));
    }

    #[test]
    fn canonical_json_is_json_of_the_same_value_and_stable(value in any_json()) {
        let bytes = canonical_json(&value);
        let back: Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&back, &value);
        prop_assert_eq!(canonical_json(&back), bytes);
    }

    #[test]
    fn a_changed_value_changes_the_digest(one in any_json(), other in any_json()) {
        let content = |object: &Value| Content {
            phases: vec![Phase {
                name: "p".into(),
                objects: vec![PhaseObject { object: object.clone(), ..PhaseObject::default() }],
                ..Phase::default()
            }],
            ..Content::default()
        };
        prop_assert_eq!(one == other, content(&one).reference() == content(&other).reference());
    }
}
