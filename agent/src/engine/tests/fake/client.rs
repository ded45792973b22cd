//! The API server: keeps bodies as they are sent and checks preconditions; it merges nothing.

use stevedore_agent_core::propagation::Propagation;

use super::*;

fn conflict() -> Failure {
    Failure::new(FailureKind::Conflict, "the object was modified")
}

fn stored(body: &Value, uid: &str, version: u64) -> Value {
    let mut object = body.clone();
    object["metadata"]["uid"] = json!(uid);
    object["metadata"]["resourceVersion"] = json!(version.to_string());
    let fields = json!({"f:data": {"f:a": {}}});
    object["metadata"]["managedFields"] =
        json!([{"manager": "stevedore", "operation": "Apply", "fieldsV1": fields}]);
    object
}

/// The cluster behind an account.
pub(super) struct Client(pub(super) Arc<Fake>);

impl ObjectApi for Client {
    fn get<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Answer<Option<Value>>> {
        let unreadable = self.0.with(|state| state.unreadable.clone());
        Box::pin(async move {
            if unreadable.as_deref() == Some(&*key.name) {
                return Err(Failure::new(FailureKind::Unreadable, "nested too deep"));
            }
            Ok(self.0.object(&key.name))
        })
    }

    fn served<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, Answer<Option<ObjectKey>>> {
        Box::pin(async move { Ok(Some(key.clone())) })
    }

    fn apply<'a>(
        &'a self,
        key: &'a ObjectKey,
        body: &'a Value,
        options: ApplyOptions,
    ) -> BoxFuture<'a, Answer<Value>> {
        Box::pin(async move {
            self.0.answers_about(&key.name).await;
            self.0.with(|state| {
                let name = key.name.to_string();
                let expected = body["metadata"]["resourceVersion"]
                    .as_str()
                    .unwrap_or_default();
                let uid = match state.objects.get(&name) {
                    None if expected == "1" => format!("uid-{name}-{}", state.version),
                    Some(live) if live["metadata"]["resourceVersion"] == expected => {
                        live["metadata"]["uid"]
                            .as_str()
                            .unwrap_or_default()
                            .to_owned()
                    }
                    _ => return Err(conflict()),
                };
                let kind = if options.dry_run { "check" } else { "apply" };
                state.log.push(format!("{kind} {name}"));
                let object = stored(body, &uid, state.version + 1);
                if !options.dry_run {
                    state.version += 1;
                    state.objects.insert(name, object.clone());
                }
                Ok(object)
            })
        })
    }

    fn delete<'a>(
        &'a self,
        key: &'a ObjectKey,
        preconditions: &'a Preconditions,
        _: Propagation,
    ) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            self.0.with(|state| {
                let Some(object) = state.objects.get_mut(&*key.name) else {
                    return Ok(());
                };
                if object["metadata"]["uid"] != preconditions.uid.as_str() {
                    return Err(conflict());
                }
                state.log.push(format!("delete {}", key.name));
                if state.held.as_deref() == Some(&*key.name) {
                    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
                    object["metadata"]["finalizers"] = json!(["example.org/hold"]);
                } else {
                    state.objects.remove(&*key.name);
                }
                Ok(())
            })
        })
    }

    fn list<'a>(
        &'a self,
        scope: &'a WatchKey,
        _: DeploymentUid,
        _: Option<String>,
    ) -> BoxFuture<'a, Answer<Page>> {
        Box::pin(async move {
            if let Serving::Not(failure) = self.serving(&scope.kind).await? {
                return Err(failure);
            }
            let objects = self.0.state.lock().objects.values().cloned().collect();
            Ok(Page {
                objects,
                next: None,
            })
        })
    }

    fn find_all<'a>(
        &'a self,
        _: DeploymentUid,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Answer<Found>> {
        Box::pin(async move {
            let state = self.0.state.lock();
            let objects = state.objects.values().cloned().collect();
            let forbidden = |kind: &Kind| {
                let failure = Failure::new(FailureKind::Forbidden, "may not list");
                (kind.clone(), failure)
            };
            Ok(Found {
                objects,
                unlistable: state.unlistable.iter().map(forbidden).collect(),
            })
        })
    }

    fn serving<'a>(&'a self, kind: &'a Kind) -> BoxFuture<'a, Answer<Serving>> {
        Box::pin(async move {
            self.0.with(|state| {
                let served = state.served.iter().any(|served| served == kind.kind());
                if served || kind.kind() == "ConfigMap" {
                    return Ok(Serving::Served { namespaced: true });
                }
                state.unserved_asked += 1;
                let failure = Failure::new(FailureKind::NoKind, "not served");
                Ok(Serving::Not(failure))
            })
        })
    }
}
