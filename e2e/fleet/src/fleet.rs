//! A whole fleet: a hub cluster, members, a registry, and the daemons that are started beside them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::{OptionFuture, try_join_all};
use tokio::sync::OnceCell;

use crate::control_plane::{ClusterOptions, ControlPlane, Extent, StartContext};
use crate::daemon::{Daemon, DaemonSpec};
use crate::error::Error;
use crate::etcd::Etcd;
use crate::guard::Guard;
use crate::progress::Progress;
use crate::registry::Registry;
use crate::tools::{Locator, Tool, Toolbox};

/// The name of the hub's cluster.
pub const HUB: &str = "hub";

/// What a fleet is to be. Made by [`Fleet::builder`].
pub struct FleetBuilder {
    hub: Option<ClusterOptions>,
    members: usize,
    member_extent: Extent,
    broken_images: Vec<String>,
    registry: bool,
    durable: bool,
    audit_bodies: bool,
    folder: Option<PathBuf>,
    locator: Option<Locator>,
}

impl FleetBuilder {
    /// Whether there is a hub's cluster. There is one unless this says otherwise.
    #[must_use]
    pub fn hub(mut self, wanted: bool) -> Self {
        self.hub = wanted.then(|| self.hub.unwrap_or_else(|| ClusterOptions::new(HUB)));
        self
    }

    /// Whether the hub's cluster has an etcd of its own, to be backed up and put back.
    #[must_use]
    pub fn hub_with_own_etcd(mut self, own: bool) -> Self {
        self.hub = self.hub.map(|hub| hub.own_etcd(own));
        self
    }

    /// How much of a cluster the hub's is; with pods unless this says otherwise.
    #[must_use]
    pub fn hub_extent(mut self, extent: Extent) -> Self {
        self.hub = self.hub.map(|hub| hub.extent(extent));
        self
    }

    /// How many members, named `member-1` and so on; none unless this says otherwise.
    #[must_use]
    pub fn members(mut self, count: usize) -> Self {
        self.members = count;
        self
    }

    /// How much of a cluster each member is; with pods unless this says otherwise.
    #[must_use]
    pub fn member_extent(mut self, extent: Extent) -> Self {
        self.member_extent = extent;
        self
    }

    /// One more image whose pods never become ready, on all clusters.
    #[must_use]
    pub fn broken_image(mut self, image: impl Into<String>) -> Self {
        self.broken_images.push(image.into());
        self
    }

    /// Whether there is an OCI registry; not unless this says so.
    #[must_use]
    pub fn registry(mut self, wanted: bool) -> Self {
        self.registry = wanted;
        self
    }

    /// Whether audit logs have the bodies of writes; they do unless this says otherwise.
    #[must_use]
    pub fn audit_bodies(mut self, wanted: bool) -> Self {
        self.audit_bodies = wanted;
        self
    }

    /// Whether the stores wait for the disk at every write. They do not unless this says so: what a killed process
    /// wrote is there all the same, only a machine that goes down loses it.
    #[must_use]
    pub fn durable(mut self, wanted: bool) -> Self {
        self.durable = wanted;
        self
    }

    /// Keeps all files in this folder, which is new or empty. Without it they are in a temporary one that goes
    /// with the fleet, also when this process is killed.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Looks for the programs there, and not where the environment says.
    #[must_use]
    pub fn locator(mut self, locator: Locator) -> Self {
        self.locator = Some(locator);
        self
    }

    /// Finds or builds the programs and starts everything, the clusters at the same time.
    ///
    /// # Errors
    /// Whatever does not come up, with the end of its log; nothing is left running then.
    pub async fn start(self, progress: &dyn Progress) -> Result<Fleet, Error> {
        let guard = Guard::start()?;
        let locator = match &self.locator {
            Some(locator) => locator.clone(),
            None => Locator::from_env()?,
        };
        let toolbox = locator.locate(&self.tools(), &guard, progress).await?;
        let (folder, temporary) = self.make_folder(&guard)?;
        let mut fleet = Fleet {
            hub: None,
            members: Vec::new(),
            registry: None,
            shared_etcd: OnceCell::new(),
            broken_images: self.broken_images.clone(),
            durable: self.durable,
            locator,
            toolbox,
            folder,
            _temporary: temporary,
            guard,
        };
        let hub = OptionFuture::from(
            self.hub
                .map(|options| options.audit_bodies(self.audit_bodies))
                .map(|options| fleet.start_cluster(options, progress)),
        );
        let members = try_join_all((1..=self.members).map(|number| {
            let options = ClusterOptions::new(format!("member-{number}"))
                .extent(self.member_extent)
                .audit_bodies(self.audit_bodies);
            fleet.start_cluster(options, progress)
        }));
        let registry = OptionFuture::from(self.registry.then(|| fleet.start_registry(progress)));
        let (hub, members, registry) =
            futures::try_join!(async { hub.await.transpose() }, members, async {
                registry.await.transpose()
            })?;
        fleet.hub = hub;
        fleet.members = members;
        fleet.registry = registry;
        Ok(fleet)
    }

    fn tools(&self) -> Vec<Tool> {
        let mut tools = BTreeSet::new();
        if let Some(hub) = &self.hub {
            tools.extend(hub.extent.tools());
        }
        if self.members > 0 {
            tools.extend(self.member_extent.tools());
        }
        if self.registry {
            tools.insert(Tool::Registry);
        }
        tools.into_iter().collect()
    }

    fn make_folder(&self, guard: &Guard) -> Result<(PathBuf, Option<tempfile::TempDir>), Error> {
        if let Some(folder) = &self.folder {
            std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
            let mut entries = folder.read_dir().map_err(Error::io(folder))?;
            if entries.next().is_some() {
                return Err(Error::FolderNotEmpty(folder.display().to_string()));
            }
            let whole = folder.canonicalize().map_err(Error::io(folder))?;
            return Ok((whole, None));
        }
        let temporary = tempfile::Builder::new()
            .prefix("stevedore-fleet-")
            .tempdir()
            .map_err(Error::io(&std::env::temp_dir()))?;
        guard.remove_at_end(temporary.path())?;
        Ok((temporary.path().to_owned(), Some(temporary)))
    }
}

/// A running fleet. Dropping it ends every process it started, and waits for that.
pub struct Fleet {
    hub: Option<ControlPlane>,
    members: Vec<ControlPlane>,
    registry: Option<Registry>,
    shared_etcd: OnceCell<Arc<Etcd>>,
    broken_images: Vec<String>,
    durable: bool,
    locator: Locator,
    toolbox: Toolbox,
    folder: PathBuf,
    _temporary: Option<tempfile::TempDir>,
    guard: Guard,
}

impl Fleet {
    /// A hub's cluster with pods and nothing else, to begin with.
    #[must_use]
    pub fn builder() -> FleetBuilder {
        FleetBuilder {
            hub: Some(ClusterOptions::new(HUB)),
            members: 0,
            member_extent: Extent::Pods,
            broken_images: Vec::new(),
            registry: false,
            durable: false,
            audit_bodies: true,
            folder: None,
            locator: None,
        }
    }

    /// The hub's cluster.
    ///
    /// # Panics
    /// When the fleet was built without one.
    #[must_use]
    pub fn hub(&self) -> &ControlPlane {
        self.hub.as_ref().expect("the fleet was built with a hub")
    }

    /// The members, in the order of their numbers.
    #[must_use]
    pub fn members(&self) -> &[ControlPlane] {
        &self.members
    }

    /// The hub's cluster, if there is one, and the members.
    pub fn clusters(&self) -> impl Iterator<Item = &ControlPlane> {
        self.hub.iter().chain(&self.members)
    }

    /// The registry.
    ///
    /// # Panics
    /// When the fleet was built without one.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        self.registry
            .as_ref()
            .expect("the fleet was built with a registry")
    }

    /// Starts one more cluster, which belongs to the caller: for a test that breaks it. Its name is new to the
    /// fleet, and its extent no greater than what the fleet was built with.
    ///
    /// # Errors
    /// When it does not come up, with the end of a log.
    pub async fn start_cluster(
        &self,
        mut options: ClusterOptions,
        progress: &dyn Progress,
    ) -> Result<ControlPlane, Error> {
        let folder = self.folder.join(&options.name);
        options
            .broken_images
            .extend(self.broken_images.iter().cloned());
        let etcd = if options.own_etcd {
            let name = format!("{}/{}", options.name, Tool::Etcd);
            Arc::new(
                self.start_etcd(&name, &folder.join("etcd"), progress)
                    .await?,
            )
        } else {
            let shared = self.folder.join("etcd");
            let start = || async {
                let etcd = self
                    .start_etcd(Tool::Etcd.name(), &shared, progress)
                    .await?;
                Ok::<_, Error>(Arc::new(etcd))
            };
            Arc::clone(self.shared_etcd.get_or_try_init(start).await?)
        };
        let context = StartContext {
            guard: &self.guard,
            toolbox: &self.toolbox,
            progress,
            folder: &folder,
            etcd,
        };
        ControlPlane::start(options, context).await
    }

    /// A program of ours that belongs to the caller; its log is `NAME.log` in the fleet's folder. It is not
    /// started yet.
    #[must_use]
    pub fn daemon(&self, spec: DaemonSpec) -> Daemon {
        let log = self.folder.join(format!("{}.log", spec.name));
        Daemon::new(&self.guard, spec, log)
    }

    /// Finds kubectl, or builds it: for people only, so not before somebody asks.
    ///
    /// # Errors
    /// When it cannot be had, with the three ways to have it.
    pub async fn kubectl(&self, progress: &dyn Progress) -> Result<PathBuf, Error> {
        let wanted = [Tool::Kubectl];
        let found = self.locator.locate(&wanted, &self.guard, progress).await?;
        let path = found.path(Tool::Kubectl).map(Path::to_owned);
        path.ok_or_else(|| Error::NoSuchProgram {
            cluster: "this fleet".to_owned(),
            program: Tool::Kubectl.to_string(),
        })
    }

    /// The folder with every log, key and kubeconfig.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What keeps the processes.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    async fn start_etcd(
        &self,
        name: &str,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<Etcd, Error> {
        let program = self.program(Tool::Etcd)?;
        Etcd::start(&self.guard, name, program, folder, self.durable, progress).await
    }

    async fn start_registry(&self, progress: &dyn Progress) -> Result<Registry, Error> {
        let program = self.program(Tool::Registry)?;
        let folder = self.folder.join(Tool::Registry.name());
        Registry::begin(&self.guard, program, &folder, progress).await
    }

    fn program(&self, tool: Tool) -> Result<&Path, Error> {
        self.toolbox.path(tool).ok_or_else(|| Error::NoSuchProgram {
            cluster: "this fleet".to_owned(),
            program: tool.to_string(),
        })
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.guard.close();
    }
}
