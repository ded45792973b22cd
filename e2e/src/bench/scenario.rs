//! The measured scenarios: packages rolled out beside bare applies, and a fleet left alone.

#![expect(
    clippy::disallowed_methods,
    reason = "what is measured against are kube's own requests, at API servers of the benchmark"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, WatchEvent,
    WatchParams,
};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use stevedore_fleet::{AuditEntry, ControlPlane, Extent};

use super::process::{cpu, memory};
use super::{Fleet, IN_FLIGHT, Idle, LARGE, MANY, Machine, Pair, Plan, Requests, Run, SMALL};
use crate::api::create_namespace;
use crate::draft::{Draft, is_available, members, named};
use crate::world::{Shape, World};

/// Where bare applies and packages put their objects.
const NAMESPACE: &str = "bench";
/// Longest time anything measured may take.
const WITHIN: Duration = Duration::from_secs(300);
/// How long an agent is left alone before it counts as settled.
const SETTLE: Duration = Duration::from_secs(5);
/// How long the fleet is left alone before it counts as converged: the hub writes what it saw in batches of ten
/// seconds.
const CONVERGED: Duration = Duration::from_secs(25);
/// Phases of every package.
const PHASES: [&str; 3] = ["first", "second", "third"];
/// Objects of the member that is left alone.
const RESTING: usize = 200;

/// Starts a hub and three members, and measures.
///
/// # Errors
/// When a package does not become available in time, or the machine cannot be read.
pub async fn measure_fleet(
    root: &std::path::Path,
    plan: Plan,
    say: &dyn Fn(&str),
) -> anyhow::Result<Fleet> {
    let world = World::start(Shape {
        members: 3,
        joined: 3,
        extent: Extent::ApiServer,
        hub_is_member: false,
        own_etcd: false,
        audit_bodies: false,
    })
    .await;
    let bench = Bench { world };
    let version = bench.world.client().apiserver_version().await?;
    let machine = Machine::read(root)?;
    for cluster in bench.world.fleet.members() {
        create_namespace(&cluster.client(), NAMESPACE).await;
    }
    let mut runs = vec![];
    for number in 0..=plan.runs {
        let run = bench.run(number).await?;
        say(&format!(
            "run {number} of {}: small on three {:.1} x, large on one {:.1} x, many at once {:.1} x",
            plan.runs,
            run.three_members.ratio(),
            run.large.ratio(),
            run.many.ratio(),
        ));
        // The first opens connections and warms caches, of the API servers too.
        if number > 0 {
            runs.push(run);
        }
    }
    say(&format!(
        "leaving the fleet alone for {} minutes",
        plan.idle_minutes
    ));
    let idle = bench.idle(plan.idle_minutes).await?;
    Ok(Fleet {
        machine,
        kubernetes: version.git_version,
        runs,
        idle,
    })
}

struct Bench {
    world: World,
}

impl Bench {
    async fn run(&self, number: usize) -> anyhow::Result<Run> {
        let fleet = &self.world.fleet;
        let one = &fleet.members()[0];

        let all: Vec<_> = fleet.members().iter().collect();
        let small = package(&format!("small-{number}"), SMALL);
        let three_members = Pair {
            bare_ms: bare(&all, SMALL).await?,
            stevedore_ms: self.available(&[&small], &members()).await?,
        };

        let large = package(&format!("large-{number}"), LARGE);
        let bare_ms = bare(&[one], LARGE).await?;
        let mut log = one.audit_from_now();
        let stevedore_ms = self.available(&[&large], &named(&[one.name()])).await?;
        tokio::time::sleep(SETTLE).await;
        let requests = requests(&log.read_new()?, LARGE);

        let many: Vec<_> = (0..MANY)
            .map(|package_number| package(&format!("many-{number}-{package_number}"), SMALL))
            .collect();
        let many: Vec<_> = many.iter().collect();
        let many_pair = Pair {
            bare_ms: bare(&[one], MANY * SMALL).await?,
            stevedore_ms: self.available(&many, &named(&[one.name()])).await?,
        };
        let run = Run {
            three_members,
            large: Pair {
                bare_ms,
                stevedore_ms,
            },
            many: many_pair,
            requests,
            hub: memory(self.hub_pid().await?)?,
            agent: memory(self.agent_pid(one.name()).await?)?,
        };
        let mut packages = vec![&small, &large];
        packages.extend(many);
        stream::iter(packages)
            .for_each_concurrent(IN_FLIGHT, |package| package.remove(&self.world))
            .await;
        Ok(run)
    }

    /// Milliseconds from the first creation to the last package's being Available, as a watch on the hub tells it.
    /// The images are pushed before.
    async fn available(&self, packages: &[&Draft], placement: &Value) -> anyhow::Result<f64> {
        let images: Vec<_> = stream::iter(packages)
            .map(|package| package.push(&self.world, "1"))
            .buffered(IN_FLIGHT)
            .collect()
            .await;
        let kind = GroupVersionKind::gvk("stevedore.dev", "v1alpha1", "ClusterPackage");
        let kind = ApiResource::from_gvk_with_plural(&kind, "clusterpackages");
        let api: Api<DynamicObject> = Api::all_with(self.world.client(), &kind);
        let now = api.list_metadata(&ListParams::default().limit(1)).await?;
        let version = now.metadata.resource_version.unwrap_or_default();
        let mut events = api.watch(&WatchParams::default(), &version).await?.boxed();
        let mut missing: BTreeSet<_> = packages.iter().map(|one| one.name.as_str()).collect();

        let begin = Instant::now();
        let ordered = stream::iter(packages.iter().zip(&images)).for_each_concurrent(
            IN_FLIGHT,
            |(package, image)| async move {
                package.order(&self.world, image, placement).await;
            },
        );
        let seen = async {
            while let Some(event) = events.try_next().await? {
                if let WatchEvent::Error(status) = event {
                    bail!("the watch of packages broke: {status:?}");
                }
                let (WatchEvent::Added(package) | WatchEvent::Modified(package)) = event else {
                    continue;
                };
                let package = serde_json::to_value(package)?;
                if is_available(&package) {
                    missing.remove(package["metadata"]["name"].as_str().unwrap_or_default());
                }
                if missing.is_empty() {
                    return Ok(begin.elapsed());
                }
            }
            bail!("the watch of packages ended")
        };
        let (seen, ()) = tokio::time::timeout(WITHIN, futures::future::join(seen, ordered))
            .await
            .context("the packages are not Available in time")?;
        Ok(milliseconds(seen?))
    }

    /// A member with a converged package, whose agent was just started again.
    async fn idle(&self, minutes: u64) -> anyhow::Result<Idle> {
        let member = &self.world.fleet.members()[2];
        let resting = package("resting", RESTING);
        self.available(&[&resting], &named(&[member.name()]))
            .await?;
        let agent = &self.world.agent(member.name()).daemon;
        agent.stop(SETTLE).await;
        self.world.connected(member.name(), "Unknown").await;
        agent.start().await?;
        self.world.connected(member.name(), "True").await;
        resting.available(&self.world, 1).await;
        tokio::time::sleep(CONVERGED).await;

        let (agent, hub) = (self.agent_pid(member.name()).await?, self.hub_pid().await?);
        let before = (cpu(agent)?, cpu(hub)?);
        let mut logs = (
            member.audit_from_now(),
            self.world.fleet.hub().audit_from_now(),
        );
        let begin = Instant::now();
        tokio::time::sleep(Duration::from_secs(60 * minutes)).await;
        let seconds = begin.elapsed().as_secs_f64();
        let used = (cpu(agent)? - before.0, cpu(hub)? - before.1);
        let of_agent: Vec<_> = logs.0.read_new()?;
        let of_agent: Vec<_> = of_agent
            .iter()
            .filter(|entry| is_of(entry, "agent"))
            .collect();
        let of_hub = logs.1.read_new()?;
        let writes = |entry: &&&AuditEntry| entry.is_write();
        let agent_writes = of_agent.iter().filter(writes).count();
        Ok(Idle {
            minutes,
            objects: RESTING,
            agent_writes,
            agent_reads: of_agent.len() - agent_writes,
            agent: memory(agent)?,
            agent_millicpu: used.0.as_secs_f64() / seconds * 1000.0,
            hub_writes: of_hub
                .iter()
                .filter(|entry| is_of(entry, "hub") && entry.is_write() && !is_on(entry, "leases"))
                .count(),
            hub_millicpu: used.1.as_secs_f64() / seconds * 1000.0,
        })
    }

    async fn hub_pid(&self) -> anyhow::Result<i32> {
        self.world.hub.daemon.pid().await.context("the hub ended")
    }

    async fn agent_pid(&self, member: &str) -> anyhow::Result<i32> {
        let daemon = &self.world.agent(member).daemon;
        daemon.pid().await.context("the agent ended")
    }
}

/// A package of so many ConfigMaps, spread over three phases.
fn package(name: &str, objects: usize) -> Draft {
    let package = Draft::new(name, &PHASES).inside(NAMESPACE);
    (0..objects).fold(package, |package, number| {
        let phase = PHASES[number * PHASES.len() / objects];
        package.config_map(&format!("{name}-{number}"), phase, &value(number))
    })
}

fn value(number: usize) -> String {
    format!("value {number}")
}

/// Milliseconds of server-side applies of as many objects as a package of that size has, to all these clusters at
/// the same time. Removes them afterwards.
async fn bare(clusters: &[&ControlPlane], objects: usize) -> anyhow::Result<f64> {
    let kind = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("", "v1", "ConfigMap"),
        "configmaps",
    );
    let apis: Vec<Api<DynamicObject>> = clusters
        .iter()
        .map(|cluster| Api::namespaced_with(cluster.client(), NAMESPACE, &kind))
        .collect();
    let begin = Instant::now();
    let applied = apis.iter().map(|api| async move {
        stream::iter((0..objects).map(Ok))
            .try_for_each_concurrent(IN_FLIGHT, |number| async move {
                let name = format!("bare-{number}");
                let object = json!({
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"bench.example/bare": "true"}},
                    "data": {"value": value(number)},
                });
                let params = PatchParams::apply("bench").force();
                api.patch(&name, &params, &Patch::Apply(object)).await.map(|_| ())
            })
            .await
    });
    futures::future::try_join_all(applied).await?;
    let taken = begin.elapsed();
    for api in &apis {
        let bare = ListParams::default().labels("bench.example/bare=true");
        api.delete_collection(&DeleteParams::default(), &bare)
            .await?;
        let left = api.list_metadata(&bare).await?;
        ensure!(left.items.is_empty(), "bare objects are left");
    }
    Ok(milliseconds(taken))
}

fn requests(log: &[AuditEntry], objects: usize) -> Requests {
    let of_agent = || {
        log.iter()
            .filter(|entry| is_of(entry, "agent") && !is_on(entry, "events"))
    };
    Requests {
        objects,
        all: of_agent().count(),
        writes: of_agent()
            .filter(|entry| entry.is_write() && !entry.is_dry_run())
            .count(),
    }
}

/// Whether the hub or an agent asked, as itself or as another.
fn is_of(entry: &AuditEntry, component: &str) -> bool {
    entry.user.username == format!("system:serviceaccount:stevedore-system:stevedore-{component}")
}

fn is_on(entry: &AuditEntry, resource: &str) -> bool {
    let object = entry.object_ref.as_ref();
    object.is_some_and(|object| object.resource == resource)
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
