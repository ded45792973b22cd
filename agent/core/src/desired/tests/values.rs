//! Tests of what is applied of Secrets, and of finalizers.

use super::*;

fn secret(values: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "s", "namespace": "ns"}});
    object
        .as_object_mut()
        .unwrap()
        .extend(values.as_object().unwrap().clone());
    json!({"object": object})
}

/// What is applied of a Secret with these values, and the hash of it.
fn applied(values: Value, guard: &Guard) -> (Value, ShortHash, Option<Value>) {
    let content = content(json!([{"name": "p", "objects": [secret(values)]}]));
    let desired = &blueprint(&content, &setting()).unwrap().objects[0];
    let body = desired.body(&content, &setting(), guard).unwrap();
    let claiming = desired.claiming_body(&content, &setting(), guard);
    (body, desired.content, claiming)
}

#[test]
fn string_data_is_applied_as_the_data_that_the_author_could_have_written() {
    let text = json!({"stringData": {"user": "keeper", "both": "text", "none": null},
        "data": {"both": "ZGF0YQ==", "raw": "AAE="}});
    let data = json!({"data": {"user": "a2VlcGVy", "both": "dGV4dA==", "none": "", "raw": "AAE="}});
    let (body, hash, claiming) = applied(text, &Guard::Create);
    assert_eq!(body["data"], data["data"]);
    assert!(body.get("stringData").is_none() && claiming.is_none());
    assert_eq!(applied(data, &Guard::Create).1, hash);
    let (empty, ..) = applied(json!({"stringData": {}}), &Guard::Create);
    assert!(empty.get("stringData").is_none() && empty.get("data").is_none());
    let thing = json!({"object": {"apiVersion": "example.org/v1", "kind": "Secret",
        "metadata": {"name": "s", "namespace": "ns"}, "stringData": {"a": "b"}}});
    let content = content(json!([{"name": "p", "objects": [thing]}]));
    let built = blueprint(&content, &setting()).unwrap();
    let body = built.objects[0].body(&content, &setting(), &Guard::Create);
    assert_eq!(
        body.unwrap()["stringData"],
        json!({"a": "b"}),
        "of another group"
    );
}

#[test]
fn a_key_that_an_older_agent_applied_as_text_is_claimed_before_it_is_dropped() {
    let guard = |keys: &[&str]| Guard::Change {
        uid: "u".into(),
        resource_version: "7".into(),
        left_to_others: 0,
        string_data: keys.iter().map(|key| Box::from(*key)).collect(),
    };
    let second = json!({"stringData": {"password": "second"}});
    let (body, _, claiming) = applied(second.clone(), &guard(&["password", "user"]));
    assert_eq!(body["data"], json!({"password": "c2Vjb25k"}));
    let claiming = claiming.unwrap();
    assert_eq!(
        claiming["data"],
        json!({"password": "c2Vjb25k", "user": ""})
    );
    assert_eq!(claiming["metadata"], body["metadata"]);
    let (.., nothing) = applied(second, &guard(&["password"]));
    assert_eq!(nothing, None);
    let (.., all) = applied(json!({}), &guard(&["user"]));
    assert_eq!(all.unwrap()["data"], json!({"user": ""}));
}

#[test]
fn a_value_of_a_secret_that_is_no_text_is_refused_by_its_path_and_never_quoted() {
    for (values, path) in [
        (
            json!({"stringData": {"port": 8123}}),
            "stringData[\"port\"] must be text",
        ),
        (
            json!({"data": {"port": {"x": 8123}}}),
            "data[\"port\"] must be text",
        ),
        (json!({"stringData": [8123]}), "stringData must be a map"),
        (json!({"data": "8123"}), "data must be a map"),
    ] {
        let content = content(json!([{"name": "p", "objects": [secret(values)]}]));
        let wrong = blueprint(&content, &setting()).unwrap_err().join("\n");
        assert!(wrong.contains(&format!("Secret ns/s: {path}")), "{wrong}");
        assert!(!wrong.contains("8123"), "{wrong}");
    }
}

#[test]
fn an_ignored_key_of_string_data_is_one_of_data() {
    let values = json!({"stringData": {"seed": "1", "user": "keeper"}});
    let mut object = secret(values);
    let ignored = json!({(crate::drift::IGNORE_FIELDS): "stringData.seed"});
    object["object"]["metadata"]["annotations"] = ignored;
    let content = content(json!([{"name": "p", "objects": [object]}]));
    let desired = &blueprint(&content, &setting()).unwrap().objects[0];
    let guard = Guard::Change {
        uid: "u".into(),
        resource_version: "7".into(),
        left_to_others: 1,
        string_data: ["seed".into()].into(),
    };
    let body = desired.body(&content, &setting(), &guard).unwrap();
    assert_eq!(body["data"], json!({"user": "a2VlcGVy"}));
    let claiming = desired.claiming_body(&content, &setting(), &guard);
    assert_eq!(
        claiming, None,
        "what others may have is not taken from them"
    );
}

#[test]
fn finalizers_are_applied_and_an_empty_list_of_them_is_none() {
    let with = |finalizers: Value| {
        let mut object = config_map("a");
        object["object"]["metadata"]["finalizers"] = finalizers;
        let content = content(json!([{"name": "p", "objects": [object]}]));
        let desired = blueprint(&content, &setting()).unwrap().objects.remove(0);
        let body = desired.body(&content, &setting(), &Guard::Create).unwrap();
        (body["metadata"].get("finalizers").cloned(), desired.content)
    };
    let held = with(json!(["example.org/cascade"]));
    assert_eq!(held.0, Some(json!(["example.org/cascade"])));
    assert_eq!(with(json!([])), with(Value::Null));
    assert_ne!(with(json!([])).1, held.1);
}
