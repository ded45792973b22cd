use super::*;
use serde_json::json;

fn probes(entries: Value) -> Probes {
    let content: Content =
        serde_json::from_value(json!({"phases": [], "availabilityProbes": entries})).unwrap();
    Probes::compile(&content).unwrap()
}

fn deployment(status: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "generation": 2, "labels": {"app": "web"}},
        "spec": {"replicas": 3}, "status": status})
}

fn evaluate(probes: &Probes, object: &Value) -> Probed {
    probes.evaluate(&Kind::of(object).unwrap(), object, &mut RunInline)
}

fn on_deployments(probe: Value) -> Probes {
    probes(
        json!([{"selector": {"kind": {"group": "apps", "kind": "Deployment"}}, "probes": [probe]}]),
    )
}

#[test]
fn a_condition_passes_only_at_the_current_generation() {
    let probes = on_deployments(json!({"condition": {"type": "Available", "status": "True"}}));
    let with =
        |conditions: Value| evaluate(&probes, &deployment(json!({"conditions": conditions})));
    assert_eq!(
        with(json!([{"type": "Available", "status": "True"}])),
        Probed::Passed
    );
    assert_eq!(
        with(json!([{"type": "Available", "status": "False"}])),
        Probed::Failed("condition \"Available\" == \"True\": wrong status".into())
    );
    for (conditions, message) in [
        (
            json!([{"type": "Available", "status": "True", "observedGeneration": 1}]),
            "outdated",
        ),
        (json!([]), "not reported"),
        (json!("x"), "malformed"),
    ] {
        assert_eq!(
            with(conditions),
            Probed::Unknown(format!("condition \"Available\" == \"True\": {message}").into())
        );
    }
    assert_eq!(
        evaluate(&probes, &deployment(json!({}))),
        Probed::Unknown("condition \"Available\" == \"True\": missing .status.conditions".into())
    );
}

#[test]
fn an_outdated_status_is_unknown_whatever_it_says() {
    let probes = on_deployments(json!({"condition": {"type": "Available", "status": "True"}}));
    let stale = deployment(
        json!({"observedGeneration": 1, "conditions": [{"type": "Available", "status": "True"}]}),
    );
    assert_eq!(
        evaluate(&probes, &stale),
        Probed::Unknown(".status outdated".into())
    );
}

#[test]
fn fields_are_compared_by_value_and_missing_is_false() {
    let probes = on_deployments(
        json!({"fieldsEqual": {"fieldA": ".spec.replicas", "fieldB": ".status.ready"}}),
    );
    assert_eq!(
        evaluate(&probes, &deployment(json!({"ready": 3}))),
        Probed::Passed
    );
    assert_eq!(
        evaluate(&probes, &deployment(json!({"ready": 2}))),
        Probed::Failed("\".spec.replicas\" == \".status.ready\": 3 != 2".into())
    );
    assert_eq!(
        evaluate(&probes, &deployment(json!({}))),
        Probed::Failed("\".spec.replicas\" == \".status.ready\": \".status.ready\" missing".into())
    );
}

#[test]
fn secrets_are_compared_without_showing_values() {
    let probes = probes(json!([{"selector": {}, "probes": [
        {"fieldsEqual": {"fieldA": ".data.a", "fieldB": ".data.b"}}]}]));
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "aHVudGVyMg==", "b": "eA=="}});
    let Probed::Failed(message) = evaluate(&probes, &secret) else {
        panic!("must fail");
    };
    assert!(!message.contains("aHVudGVyMg"), "{message}");
}

#[test]
fn cel_knows_the_functions_of_kubernetes() {
    let rule = "self.status.ready.sum() == 3 && self.status.ready.isSorted() && isIP(self.status.address) && \
                quantity(self.status.size).isLessThan(quantity('2Gi')) && url(self.status.url).getHost() == 'lamp' && \
                self.status.url.find('[0-9]+') == '7'";
    let probes = on_deployments(json!({"cel": {"rule": rule, "message": "not ready"}}));
    let status = |size: &str| json!({"ready": [1, 2], "address": "::1", "size": size, "url": "http://lamp/7"});
    assert_eq!(
        evaluate(&probes, &deployment(status("1Gi"))),
        Probed::Passed
    );
    assert_eq!(
        evaluate(&probes, &deployment(status("3Gi"))),
        Probed::Failed("not ready".into())
    );
    assert!(matches!(
        evaluate(&probes, &deployment(status("3 GiB"))),
        Probed::Unknown(_)
    ));
}

#[test]
fn cel_is_false_with_its_message_and_unknown_on_errors() {
    let probes =
        on_deployments(json!({"cel": {"rule": "self.status.ready == 3", "message": "not ready"}}));
    assert_eq!(
        evaluate(&probes, &deployment(json!({"ready": 3}))),
        Probed::Passed
    );
    assert_eq!(
        evaluate(&probes, &deployment(json!({"ready": 1}))),
        Probed::Failed("not ready".into())
    );
    assert!(matches!(
        evaluate(&probes, &deployment(json!({}))),
        Probed::Unknown(_)
    ));
    assert!(probes.needs_cel(&Kind::new("apps", "v1", "Deployment"), &json!({})));
    assert!(!probes.needs_cel(&Kind::new("", "v1", "ConfigMap"), &json!({})));
}

#[test]
fn unknown_dominates_and_what_no_entry_selects_passes() {
    let probes = probes(json!([
        {"selector": {"selector": {"matchLabels": {"app": "web"}}},
         "probes": [{"cel": {"rule": "false", "message": "never"}}]},
        {"selector": {"kind": {"group": "apps", "kind": "Deployment"}},
         "probes": [{"condition": {"type": "Available"}}]},
    ]));
    assert_eq!(
        evaluate(&probes, &deployment(json!({"conditions": []}))),
        Probed::Unknown("condition \"Available\" == \"True\": not reported".into())
    );
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}});
    assert_eq!(evaluate(&probes, &other), Probed::Passed);
}

#[test]
fn rules_that_cannot_be_used_are_refused_before_anything_runs() {
    for rule in ["1 + 1", "other == 1", "self ==", "nope(self)"] {
        let content: Content = serde_json::from_value(json!({"phases": [], "availabilityProbes": [
            {"selector": {}, "probes": [{"cel": {"rule": rule, "message": "m"}}]}]}))
        .unwrap();
        assert!(Probes::compile(&content).is_err(), "{rule}");
    }
}
