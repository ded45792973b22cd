//! Rules for audit logs: requests that hub and agents must never make.

use serde_json::Value;
use stevedore_fleet::AuditEntry;

/// Names of our own accounts, before the hub's or the agent's.
const OURS: &str = "system:serviceaccount:stevedore-system:stevedore-";
/// The label of every member object of ours.
const LABEL: &str = "stevedore.dev/deployment";
/// Our field manager, as a query parameter.
const MANAGER: &str = "fieldManager=stevedore";

/// Why this entry must not be, if so.
pub fn violation(cluster: &str, entry: &AuditEntry) -> Option<String> {
    let component = entry.user.username.strip_prefix(OURS)?;
    let fault = match &entry.impersonated_user {
        None if entry.code() == 403 => "was refused something that it does as itself",
        None if is_package_write(entry) => "wrote an object of a package as itself",
        Some(user) if !user.username.starts_with("system:serviceaccount:") => {
            "acted as somebody who is no service account"
        }
        _ => return None,
    };
    let answer = entry.response_status.as_ref();
    Some(format!(
        "{cluster}: {component} {fault}: {} {} {} {}",
        entry.verb,
        entry.request_uri,
        entry.code(),
        answer.map_or("", |answer| answer.message.as_str()),
    ))
}

/// A write to what belongs to a package: it has our label, or our field manager wrote a kind that is not ours.
fn is_package_write(entry: &AuditEntry) -> bool {
    if !entry.is_write() {
        return false;
    }
    let Some(object) = &entry.object_ref else {
        return true;
    };
    let of_our_own = object.api_group == "stevedore.dev"
        || object.resource == "events"
        || object.namespace == "stevedore-system";
    let labelled = |body: &Option<Value>| {
        body.as_ref()
            .is_some_and(|body| !body["metadata"]["labels"][LABEL].is_null())
    };
    !of_our_own
        && (entry.request_uri.contains(MANAGER)
            || labelled(&entry.request_object)
            || labelled(&entry.response_object)
            || entry.verb.starts_with("delete"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(change: Value) -> AuditEntry {
        let mut entry = json!({
            "auditID": "1",
            "verb": "patch",
            "requestURI": "/api/v1/namespaces/web/configmaps/a?fieldManager=stevedore",
            "user": {"username": format!("{OURS}agent")},
            "objectRef": {"resource": "configmaps", "namespace": "web", "name": "a"},
            "responseStatus": {"code": 200},
            "requestReceivedTimestamp": "2026-01-01T00:00:00Z",
            "stageTimestamp": "2026-01-01T00:00:00Z",
        });
        for (field, value) in change.as_object().expect("fields").clone() {
            entry[field] = value;
        }
        serde_json::from_value(entry).expect("an entry")
    }

    #[test]
    fn the_rules_find_what_must_not_be_and_nothing_else() {
        let account = json!({"username": "system:serviceaccount:stevedore-system:packages"});
        let labelled = json!({"metadata": {"labels": {(LABEL): "x"}}});
        let ours = json!({"resource": "clusterobjectsets", "apiGroup": "stevedore.dev"});
        for (change, wanted) in [
            (json!({}), true),
            (
                json!({"requestURI": "/x", "responseObject": labelled}),
                true,
            ),
            (json!({"requestURI": "/x", "verb": "delete"}), true),
            (
                json!({"verb": "get", "responseStatus": {"code": 403}}),
                true,
            ),
            (json!({"impersonatedUser": {"username": "root"}}), true),
            (json!({"impersonatedUser": account}), false),
            (
                json!({"impersonatedUser": account, "responseStatus": {"code": 403}}),
                false,
            ),
            (json!({"objectRef": ours}), false),
            (json!({"verb": "get"}), false),
            (json!({"user": {"username": "stevedore-admin"}}), false),
        ] {
            let found = violation("member", &entry(change.clone()));
            assert_eq!(found.is_some(), wanted, "{change}: {found:?}");
        }
    }
}
