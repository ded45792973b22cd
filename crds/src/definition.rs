//! The `CustomResourceDefinition`s of every kind, as the API server gets them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

use crate::v1alpha1::{
    ClusterObjectDeployment, ClusterObjectSet, ClusterPackage, MemberCluster, MemberPolicy,
    ObjectDeployment, ObjectSet, Package, PackageAction, PackageLedger, PackageRevision,
};

/// Which side a kind belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Served by the hub's API server.
    Hub,
    /// Served by each member's API server.
    Member,
}

/// Every definition with the side it is installed on, in a fixed order.
pub fn definitions() -> Vec<(Side, CustomResourceDefinition)> {
    [
        (Side::Hub, MemberCluster::crd()),
        (Side::Hub, ClusterPackage::crd()),
        (Side::Hub, Package::crd()),
        (Side::Hub, PackageRevision::crd()),
        (Side::Hub, PackageLedger::crd()),
        (Side::Hub, PackageAction::crd()),
        (Side::Member, ClusterObjectSet::crd()),
        (Side::Member, ObjectSet::crd()),
        (Side::Member, ClusterObjectDeployment::crd()),
        (Side::Member, ObjectDeployment::crd()),
        (Side::Member, MemberPolicy::crd()),
    ]
    .into_iter()
    .map(|(side, crd)| (side, normalized(crd)))
    .collect()
}

/// Rewrites what `schemars` derives into what the API server takes without warnings: no
/// `nullable` (an absent field is left out, and null would be a third state in transition
/// rules), and only the integer formats that OpenAPI v3 knows.
fn normalized(crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let mut value = serde_json::to_value(crd).expect("a definition is always JSON");
    rewrite(&mut value);
    serde_json::from_value(value).expect("the rewrite only removes and renames schema keywords")
}

fn rewrite(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("nullable") == Some(&Value::Bool(true)) {
                map.remove("nullable");
            }
            if let Some(format) = map
                .get_mut("format")
                .filter(|f| f.as_str().is_some_and(|f| f.starts_with("uint")))
            {
                *format = "int64".into();
            }
            map.values_mut().for_each(rewrite);
        }
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        _ => {}
    }
}
