//! Rights in one namespace, as the owner of a cluster grants them.

use kube::Client;
use serde_json::{Value, json};
use stevedore_e2e::api::create;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Grants this to somebody, by a role and a binding of this name.
pub(crate) async fn allow(
    client: &Client,
    namespace: &str,
    name: &str,
    rule: &Value,
    subject: &Value,
) {
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": name}, "rules": [rule],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [subject],
    });
    for (plural, object) in [("roles", role), ("rolebindings", binding)] {
        let path = format!("{RBAC}/namespaces/{namespace}/{plural}");
        create(client, &path, &object).await.expect("a right");
    }
}

/// An account for packages in a namespace, and the right of the agent to act as it there.
pub(crate) async fn add_package_account(client: &Client, namespace: &str) {
    let name = "stevedore-packages";
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    let created = create(client, &accounts, &account).await;
    created.expect("an account");
    let subject = |namespace: &str, name: &str| json!({"kind": "ServiceAccount", "namespace": namespace, "name": name});
    let maps = json!({
        "apiGroups": [""], "resources": ["configmaps"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"],
    });
    let packages = subject(namespace, name);
    allow(client, namespace, "packages", &maps, &packages).await;
    let impersonation = json!({
        "apiGroups": [""], "resources": ["serviceaccounts"],
        "resourceNames": [name], "verbs": ["impersonate"],
    });
    let agent = subject("stevedore-system", "stevedore-agent");
    allow(client, namespace, "impersonation", &impersonation, &agent).await;
}
