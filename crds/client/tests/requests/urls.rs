use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Error;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
};
use serde_json::json;
use stevedore_client::Api;

use crate::server::{map, server, status};

#[tokio::test]
async fn no_name_leaves_its_place_in_the_url_whatever_is_done() {
    let (client, log) = server(|_| (200, map("a").to_string()));
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "ns");
    let (post, params) = (PostParams::default(), PatchParams::default());
    let (patch, object) = (Patch::Merge(json!({})), ConfigMap::default());
    for (name, encoded) in [
        ("beam", "beam"),
        ("?limit=0", "%3Flimit%3D0"),
        ("a/b", "a%2Fb"),
        (
            "../../secrets/stevedore-ca",
            "..%2F..%2Fsecrets%2Fstevedore-ca",
        ),
        ("%2e%2e", "%252e%252e"),
        ("a#b c\n", "a%23b%20c%0A"),
        ("ä", "%C3%A4"),
    ] {
        api.get(name).await.unwrap();
        api.get_opt(name).await.unwrap();
        api.delete(name, &DeleteParams::default()).await.unwrap();
        let path = format!("/api/v1/namespaces/ns/configmaps/{encoded}");
        assert_eq!(
            log.lines(),
            [
                format!("GET {path}"),
                format!("GET {path}"),
                format!("DELETE {path}?")
            ]
        );
        api.replace(name, &post, &object).await.unwrap();
        api.patch(name, &params, &patch).await.unwrap();
        api.patch_status(name, &params, &patch).await.unwrap();
        assert_eq!(
            log.lines(),
            [
                format!("PUT {path}?"),
                format!("PATCH {path}?"),
                format!("PATCH {path}/status?")
            ]
        );
        let elsewhere: Api<ConfigMap> = Api::namespaced(client.clone(), name);
        elsewhere.get("a").await.unwrap();
        assert_eq!(
            log.lines(),
            [format!("GET /api/v1/namespaces/{encoded}/configmaps/a")]
        );
    }
}

#[tokio::test]
async fn what_can_be_no_name_is_refused_without_a_request() {
    let (client, log) = server(|_| (200, map("a").to_string()));
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "ns");
    let (post, params) = (PostParams::default(), PatchParams::default());
    let (patch, object) = (Patch::Merge(json!({})), ConfigMap::default());
    for name in ["", ".", ".."] {
        let elsewhere: Api<ConfigMap> = Api::namespaced(client.clone(), name);
        for error in [
            api.get(name).await.err(),
            api.get_opt(name).await.err(),
            api.replace(name, &post, &object).await.err(),
            api.patch(name, &params, &patch).await.err(),
            api.patch_status(name, &params, &patch).await.err(),
            api.delete(name, &DeleteParams::default()).await.err(),
            elsewhere.get("a").await.err(),
            elsewhere.list(&ListParams::default()).await.err(),
        ] {
            assert!(matches!(error, Some(Error::BuildRequest(_))), "{error:?}");
        }
    }
    assert_eq!(log.lines(), [""; 0]);
}

#[tokio::test]
async fn requests_are_those_of_kube_for_every_scope_and_verb() {
    let (client, log) = server(|line| match line.ends_with("kube-system") {
        true => (200, json!({"metadata": {}}).to_string()),
        false => (200, map("a").to_string()),
    });
    let all: Api<Namespace> = Api::all(client.clone());
    all.get("kube-system").await.unwrap();
    let kind = ApiResource::erase::<ConfigMap>(&());
    let dynamic: Api<DynamicObject> = Api::namespaced_with(client.clone(), "ns", &kind);
    dynamic.get("a").await.unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    let params = PostParams {
        field_manager: Some("me & you".into()),
        ..PostParams::default()
    };
    let object = serde_json::from_value(map("a")).unwrap();
    api.create(&params, &object).await.unwrap();
    let patch = json!({"data": {"a": "b"}});
    let apply = PatchParams::apply("me");
    api.patch("a", &apply, &Patch::Apply(&patch)).await.unwrap();
    let asked = log.take();
    let lines: Vec<_> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v1/namespaces/kube-system",
            "GET /api/v1/namespaces/ns/configmaps/a",
            "POST /api/v1/namespaces/ns/configmaps?&fieldManager=me+%26+you",
            "PATCH /api/v1/namespaces/ns/configmaps/a?&fieldManager=me",
        ]
    );
    assert_eq!(asked[2].body["metadata"]["name"], "a");
    assert_eq!(asked[3].content_type, "application/apply-patch+yaml");
    assert_eq!(asked[3].body, patch);
}

#[tokio::test]
async fn a_cluster_that_does_not_know_the_kind_is_not_taken_for_a_missing_object() {
    let answers: [(&str, (u16, String)); 3] = [
        ("missing", status(404, "NotFound", "missing")),
        ("no-kind", status(404, "NotFound", "")),
        ("no-group", (404, "404 page not found\n".to_owned())),
    ];
    let (client, _) = server(move |line| {
        let found = answers.iter().find(|(name, _)| line.ends_with(name));
        found.unwrap().1.clone()
    });
    let api: Api<ConfigMap> = Api::namespaced(client, "ns");
    assert!(api.get_opt("missing").await.unwrap().is_none());
    for name in ["no-kind", "no-group"] {
        let error = api.get_opt(name).await.unwrap_err();
        assert!(
            matches!(&error, Error::Api(status) if status.code == 404),
            "{error:?}"
        );
    }
}
