//! The start of a hub: its parts are made, connected and started, and sessions are served when all is loaded.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use prometheus_client::registry::Registry;
use stevedore_hub_controllers::leadership::records;
use stevedore_hub_controllers::package::registry;
use stevedore_hub_controllers::{Hub, Settings, start};
use stevedore_hub_core::session::Pace;
use stevedore_hub_grpc::pki::Authority;
use stevedore_hub_grpc::server::{self, Server};
use stevedore_hub_grpc::session::{Ports, Sessions};
use stevedore_runtime::admin::{Admin, Readiness};
use stevedore_runtime::supervise::Tasks;
use tower::timeout::TimeoutLayer;

use crate::adapters::SessionNotices;
use crate::args::{Args, hosts};

/// Time for the API server to begin an answer. A watch begins at once and may then be quiet for minutes.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Starts everything; when that fails, the process ends with the reason.
pub async fn start_or_fail(args: Args, tasks: Tasks) {
    if let Err(error) = start(args, &tasks).await {
        let reason = format!("{error:#}");
        // An essential task that ends is how a process says that it cannot go on.
        tasks.essential("start", async move { Err::<(), _>(reason) });
    }
}

/// Starts everything; returns when sessions are served and everything is loaded.
///
/// # Errors
/// When the API server cannot be reached, an address is taken, or what is stored cannot be read.
async fn start(args: Args, tasks: &Tasks) -> anyhow::Result<()> {
    let client = client(args.kubeconfig.as_deref()).await?;
    let read =
        |file| std::fs::read(file).with_context(|| format!("cannot read {}", Path::display(file)));
    let registry_ca = args.registry_ca.as_deref().map(read).transpose()?;
    let settings = Settings {
        clock: Timestamp::now,
        namespace: args.namespace.clone(),
        registry: registry::Settings {
            plain_http: args.allow_http_registries.clone(),
            certificate_authorities: registry_ca,
            insecure: false,
        },
        registry_hosts: args.registry_host_overrides.clone(),
        image_prefixes: Arc::new(args.image_prefix_overrides.clone()),
        holder: format!("hub-{:016x}", rand::random::<u64>()),
    };
    let admin = Admin::bind(args.admin_addr)
        .await
        .with_context(|| format!("cannot listen on {}", args.admin_addr))?;
    let grpc = Server::bind(args.listen).await?;
    announce(&args, admin.address(), grpc.address())?;

    let readiness = Readiness::new();
    let loaded = readiness.handle("loaded");
    let hub = Hub::new(client, settings)
        .await
        .context("cannot read the namespace kube-system, whose UID names the hub's own cluster")?;
    let ports = Ports {
        members: hub.clone(),
        orders: hub.clone(),
        reports: hub.clone(),
    };
    let sessions = Sessions::start(ports, Pace::default(), tasks);
    hub.set_sessions(Arc::new(SessionNotices(sessions.clone())));
    let mut metrics = Registry::with_prefix("stevedore_hub");
    hub.metrics().register(&mut metrics);
    sessions.metrics().register(&mut metrics);
    admin.serve(tasks, readiness, metrics);

    let authority = authority(&hub).await?;
    let addresses = match args.advertise.is_empty() {
        true => vec![grpc.address().to_string()],
        false => args.advertise.clone(),
    };
    let settings = server::Settings {
        names: hosts(&addresses),
        ..server::Settings::default()
    };
    grpc.serve(tasks, authority.clone(), hub.clone(), sessions, settings)?;
    start::start(&hub, tasks).await?;
    // Only by whoever leads: agents are to find the one that answers them.
    let pin = format!("sha256:{}", authority.pin());
    records::publish_addresses(&hub, &addresses, authority.certificate(), &pin)
        .await
        .context("cannot publish how the hub is reached")?;
    loaded.ready();
    tracing::info!("loaded: sessions may start");
    Ok(())
}

async fn client(kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let config = match kubeconfig {
        Some(file) => {
            let read = Kubeconfig::read_from(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?
        }
        None => Config::incluster().context("not in a cluster, and no --kubeconfig was given")?,
    };
    let builder =
        ClientBuilder::try_from(config).context("cannot make a client for the API server")?;
    Ok(builder
        .with_layer(&TimeoutLayer::new(ANSWER_WITHIN))
        .build())
}

/// The hub's CA: what is kept, or a new one on the first start.
async fn authority(hub: &Hub) -> anyhow::Result<Arc<Authority>> {
    let fresh = Authority::create(Timestamp::now().as_second())?;
    let make = || {
        (
            fresh.certificate().to_owned(),
            fresh.private_key().to_owned(),
        )
    };
    let (certificate, key) = records::certificate_authority(hub, make)
        .await
        .context("cannot keep the hub's CA")?;
    Ok(Arc::new(Authority::from_pem(certificate, key)?))
}

/// Says where the hub listens, in the log and in the file that was asked for.
fn announce(args: &Args, admin: SocketAddr, grpc: SocketAddr) -> anyhow::Result<()> {
    tracing::info!(%admin, %grpc, "listening");
    let bound = serde_json::json!({"admin": admin.to_string(), "grpc": grpc.to_string()});
    args.daemon.write_ready(&bound.to_string())?;
    Ok(())
}
