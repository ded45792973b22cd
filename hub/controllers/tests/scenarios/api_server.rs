//! An API server in memory: objects with versions, watches, and a log of every request.
//!
//! It answers what the hub relies on as a real one does: resource versions and preconditions, generations that rise
//! with the spec only, status as a subresource, finalizers and deletion timestamps, JSON patches whose `test` fails
//! with 422 and no cause, server-side apply of finalizers, paged lists, and watches with bookmarks. Rules make it
//! refuse, delay or lose an answer, or cut off the process that asks.

mod call;
mod objects;
mod reads;
mod refusal;
mod rule;
mod tests;
mod writes;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::http::{Request, Response, header};
use kube::Client;
use serde_json::Value;
use stevedore_proto_core::{ClusterUid, DeploymentUid, PackageUid};
use tokio::sync::watch;
use tower::{BoxError, service_fn};

pub(crate) use call::{Call, Verb};
pub(crate) use rule::{Gate, Reaction, on_write};

use objects::Objects;
use refusal::Refusal;
use rule::Rule;

/// Something that a process did, in the order in which it did it.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// It asked the API server.
    Request(Call),
    /// It told its sessions.
    Told(usize, Told),
}

/// What sessions are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Changed(ClusterUid, Vec<DeploymentUid>),
    Reloaded,
    ContentBack(PackageUid),
    Census(ClusterUid),
    MembersChanged,
}

/// The connection of one process. Once it is cut, nothing is answered.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) process: usize,
    cut: AtomicBool,
}

impl Link {
    pub(crate) fn new(process: usize) -> Arc<Self> {
        Arc::new(Self {
            process,
            cut: AtomicBool::new(false),
        })
    }

    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }
}

/// A handle to the server. Clones are the same server.
#[derive(Clone)]
pub(crate) struct ApiServer {
    state: Arc<Mutex<State>>,
    /// The newest version; watches wait for it to rise.
    version: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    objects: Objects,
    log: Vec<Entry>,
    rule: Option<Rule>,
}

impl ApiServer {
    pub(crate) fn new() -> Self {
        Self {
            state: Arc::default(),
            version: watch::Sender::new(0),
        }
    }

    /// Another server with the same objects, and an empty log.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        copy.change(|objects| *objects = self.lock().objects.clone());
        copy
    }

    /// A client as a hub process has one.
    pub(crate) fn client(&self, link: &Arc<Link>) -> Client {
        let (server, link) = (self.clone(), Arc::clone(link));
        let service = service_fn(move |request| {
            let (server, link) = (server.clone(), Arc::clone(&link));
            async move { server.serve(&link, request).await }
        });
        Client::new(service, "default")
    }

    /// Asked about every request before it is served. One rule at a time.
    pub(crate) fn set_rule(&self, rule: impl FnMut(&Call) -> Reaction + Send + 'static) {
        self.lock().rule = Some(Box::new(rule));
    }

    /// Holds requests with this effect until the gate is opened; as a rule.
    pub(crate) fn hold(&self, effect: &'static str) -> Gate {
        let gate = Gate::closed();
        let held = gate.clone();
        self.set_rule(move |call| match call.effect() == effect {
            true => Reaction::Hold(held.clone()),
            false => Reaction::Serve,
        });
        gate
    }

    pub(crate) fn clear_rule(&self) {
        self.lock().rule = None;
    }

    /// How many entries the log has: a place in it.
    pub(crate) fn place(&self) -> usize {
        self.lock().log.len()
    }

    /// The log from a place on.
    pub(crate) fn log_since(&self, place: usize) -> Vec<Entry> {
        self.lock().log[place..].to_vec()
    }

    pub(crate) fn told(&self, process: usize, told: Told) {
        self.lock().log.push(Entry::Told(process, told));
    }

    /// Changes objects as somebody else than the hub, past every rule.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Objects) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state.objects);
        let version = state.objects.version();
        drop(state);
        self.version.send_replace(version);
        result
    }

    /// Objects of one kind, by namespace and name.
    pub(crate) fn all(&self, plural: &str) -> Vec<Value> {
        self.lock().objects.all(plural)
    }

    /// The one object of this kind and name.
    pub(crate) fn get(&self, plural: &str, name: &str) -> Option<Value> {
        let mut found = self.all(plural);
        found.retain(|object| object["metadata"]["name"] == name);
        assert!(found.len() < 2, "{plural} {name} exists twice: {found:?}");
        found.pop()
    }

    async fn serve(
        self,
        link: &Link,
        request: Request<kube::client::Body>,
    ) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await?;
        let mut call = Call::read(link.process, &parts, &body);
        if link.is_cut() {
            return std::future::pending().await;
        }
        let reaction = self.ask_rule(&call);
        if let Reaction::Hold(gate) = &reaction {
            gate.passed().await;
        }
        if reaction == Reaction::CrashBefore {
            link.cut();
        }
        if reaction == Reaction::Hang || link.is_cut() {
            return std::future::pending().await;
        }
        if call.verb == Verb::Watch && reaction == Reaction::Serve {
            self.lock().log.push(Entry::Request(call.clone()));
            return Ok(Response::new(self.watch(call)));
        }
        let answer = match reaction {
            Reaction::Refuse(code) => Err(Refusal::of(code)),
            _ => self.carry_out(&call),
        };
        call.code = answer.as_ref().map_or_else(|refusal| refusal.code, |_| 200);
        self.lock().log.push(Entry::Request(call));
        match reaction {
            Reaction::CrashAfter => {
                link.cut();
                std::future::pending().await
            }
            Reaction::LoseAnswer => Ok(Refusal::of(504).response()),
            _ => {
                Ok(answer.map_or_else(|refusal| refusal.response(), |value| response(200, &value)))
            }
        }
    }

    fn ask_rule(&self, call: &Call) -> Reaction {
        let mut state = self.lock();
        let rule = state.rule.as_mut();
        rule.map_or(Reaction::Serve, |rule| rule(call))
    }

    fn carry_out(&self, call: &Call) -> Result<Value, Refusal> {
        match call.verb {
            Verb::Get => reads::get(&self.lock().objects, call),
            Verb::List => reads::list(&self.lock().objects, call),
            _ => self.change(|objects| writes::write(objects, call)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn response(code: u16, value: &Value) -> Response<Body> {
    Response::builder()
        .status(code)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(value.to_string()))
        .unwrap()
}
