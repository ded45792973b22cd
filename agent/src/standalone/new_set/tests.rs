use super::*;

fn deployment() -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "owner", "generation": 1},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                "serviceAccountName": "installer",
                "phases": [{"name": "a", "objects": [{"object": {"apiVersion": "v1",
                    "kind": "ConfigMap", "metadata": {"name": "c"}}}]}]}},
        },
    }))
    .unwrap()
}

#[test]
fn a_new_set_is_numbered_controlled_and_carries_the_template() {
    let name = (Some("shop".to_owned()), "web".to_owned());
    let deployment = deployment();
    let hash = hash(&deployment.spec, None);
    let set = new_set(&name, &deployment, &[], &hash);
    assert_eq!(set["metadata"]["name"], format!("web-{hash}"));
    assert_eq!(set["metadata"]["labels"]["app"], "web");
    assert_eq!(set["metadata"]["annotations"][HASH], hash);
    assert_eq!(set["metadata"]["ownerReferences"][0]["uid"], "owner");
    assert_eq!(set["spec"]["revision"], 1);
    assert_eq!(set["spec"]["serviceAccountName"], "installer");
    assert!(set["spec"].get("previous").is_none());
}

#[test]
fn the_hash_follows_template_and_collisions_and_nothing_else() {
    let mut deployment = deployment();
    let base = hash(&deployment.spec, None);
    assert_eq!(base, hash(&deployment.spec, Some(0)));
    assert_ne!(base, hash(&deployment.spec, Some(1)));
    deployment.spec.paused = true;
    assert_eq!(base, hash(&deployment.spec, None));
    deployment
        .spec
        .template
        .metadata
        .labels
        .insert("b".into(), "c".into());
    assert_ne!(base, hash(&deployment.spec, None));
}

#[test]
fn a_template_that_the_selector_does_not_find_is_noticed() {
    let mut deployment = deployment();
    let name = (None, "web".to_owned());
    let labels = |deployment: &Deployment| {
        new_set(&name, deployment, &[], "h")["metadata"]["labels"].clone()
    };
    assert!(selects(&deployment.spec.selector, &labels(&deployment)));
    deployment.spec.template.metadata.labels.clear();
    assert!(!selects(&deployment.spec.selector, &labels(&deployment)));
}
