//! The server answers as a real one where the hub relies on it.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Error;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;
use stevedore_client::Api;
use stevedore_crds::v1alpha1::ClusterPackage;

use super::{ApiServer, Link};
use crate::scenarios::seed;

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> (u16, usize) {
    match result {
        Err(Error::Api(status)) => {
            let causes = status.details.as_ref().map_or(0, |it| it.causes.len());
            (status.code, causes)
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn packages(api: &ApiServer) -> Api<ClusterPackage> {
    Api::all(api.client(&Link::new(1)))
}

#[tokio::test]
async fn stale_writes_and_other_uids_are_refused() {
    let api = ApiServer::new();
    seed::package(&api, "demo", "registry.example/demo:v1");
    let packages = packages(&api);
    let old = packages.get("demo").await.unwrap();
    seed::set_image(&api, "demo", "registry.example/demo:v2");
    let stale = packages.replace("demo", &PostParams::default(), &old).await;
    assert_eq!(code(stale), (409, 0));
    let patch =
        serde_json::from_value(json!([{"op": "test", "path": "/metadata/uid", "value": "x"}]));
    let patch = Patch::<()>::Json(patch.unwrap());
    let other = packages
        .patch("demo", &PatchParams::default(), &patch)
        .await;
    assert_eq!(code(other), (422, 0));
    let preconditions = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some("x".to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    assert_eq!(
        code(packages.delete("demo", &preconditions).await),
        (409, 0)
    );
    let again = ClusterPackage::new("demo", old.spec);
    let again = packages.create(&PostParams::default(), &again).await;
    assert_eq!(code(again), (409, 0));
}

#[tokio::test]
async fn generations_rise_with_the_spec_only_and_status_has_its_own_path() {
    let api = ApiServer::new();
    seed::package(&api, "demo", "registry.example/demo:v1");
    let packages = packages(&api);
    let status = json!([
        {"op": "add", "path": "/status", "value": {"revision": 7}},
        {"op": "add", "path": "/spec/image", "value": "registry.example/other"},
    ]);
    let patch = Patch::<()>::Json(serde_json::from_value(status).unwrap());
    let parameters = PatchParams::default();
    let written = packages.patch_status("demo", &parameters, &patch).await;
    let mut written = written.unwrap();
    assert_eq!(written.status.as_ref().unwrap().revision, Some(7));
    assert_eq!(written.spec.image, "registry.example/demo:v1");
    assert_eq!(written.metadata.generation, Some(1));
    written.status = None;
    written.spec.paused = true;
    let parameters = PostParams::default();
    let replaced = packages.replace("demo", &parameters, &written).await;
    let replaced = replaced.unwrap();
    assert_eq!(replaced.metadata.generation, Some(2));
    assert_eq!(replaced.status.unwrap().revision, Some(7));
}

#[tokio::test]
async fn finalizers_of_several_are_merged_and_keep_an_object_until_the_last_one_went() {
    let api = ApiServer::new();
    let uid = seed::package(&api, "demo", "registry.example/demo:v1");
    let packages = packages(&api);
    for finalizer in ["example/one", "example/other"] {
        let object = json!({
            "apiVersion": "stevedore.dev/v1alpha1", "kind": "ClusterPackage",
            "metadata": {"name": "demo", "uid": uid, "finalizers": [finalizer]},
        });
        let parameters = PatchParams::apply("test");
        packages
            .patch("demo", &parameters, &Patch::Apply(&object))
            .await
            .unwrap();
    }
    packages
        .delete("demo", &DeleteParams::default())
        .await
        .unwrap();
    let left = packages.get("demo").await.unwrap().metadata;
    assert!(left.deletion_timestamp.is_some());
    assert_eq!(left.finalizers.unwrap(), ["example/one", "example/other"]);
    let patch = json!([{"op": "add", "path": "/metadata/finalizers", "value": []}]);
    let patch = Patch::<()>::Json(serde_json::from_value(patch).unwrap());
    packages
        .patch("demo", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(code(packages.get("demo").await), (404, 0));
}

#[tokio::test]
async fn lists_have_pages_and_selectors() {
    let api = ApiServer::new();
    for name in ["a", "b", "c"] {
        let map = json!({"metadata": {"name": name, "namespace": "default"}});
        api.change(|objects| objects.make("configmaps", map));
    }
    let maps: Api<ConfigMap> = Api::namespaced(api.client(&Link::new(1)), "default");
    let parameters = ListParams::default().limit(2);
    let place = api.place();
    assert_eq!(maps.list(&parameters).await.unwrap().items.len(), 3);
    assert_eq!(api.log_since(place).len(), 2, "a page is a request");
    let last = maps.list_metadata(&parameters.continue_token("2")).await;
    let last = last.unwrap().items;
    assert_eq!(last[0].metadata.name.as_deref(), Some("c"));
    let one = ListParams::default().fields("metadata.name=b");
    assert_eq!(maps.list(&one).await.unwrap().items.len(), 1);
}
