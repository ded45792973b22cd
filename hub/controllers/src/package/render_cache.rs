//! A cache of renderings: packages, what each rendered to by distinct input, and the bytes of that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use stevedore_hub_core::fleet::Failure;
use stevedore_package::package::Package;
use stevedore_package::render::{Context, Reads, RenderInput, check_stored_size};
use stevedore_package::violation::{self, Invalid};
use stevedore_proto_core::canonical_json;
use stevedore_proto_core::{ContentRef, Digest, Features, Reason};
use stevedore_runtime::keyed::Keyed;

/// Most bytes of packages, with what was parsed of them, that are kept in memory; others are read again from their Secrets.
const PACKAGE_BYTES: usize = 256 * 1024 * 1024;
/// Most results that are remembered of one package: clusters whose labels change give ever new ones.
const RESULTS: usize = 32 * 1024;
/// Most inputs that are tried to find a content again.
const TRIES: usize = 32;
/// Clusters for which a package has to be too costly, and for none affordable, to be given up for all.
const GIVEN_UP: u32 = 3;
/// Most bytes of rendered content that are kept; others are rendered again when somebody asks.
const BYTES: usize = 64 * 1024 * 1024;

/// What a package renders to for one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// Digest of everything that was read.
    pub(crate) input: Digest,
    pub(crate) content: ContentRef,
    /// What an agent has to know to carry it out.
    pub(crate) needs: Features,
}

/// Packages, and what they rendered to.
#[derive(Debug, Default)]
pub(crate) struct Renderer {
    state: Mutex<State>,
    /// One rendering at a time of each content that was let go.
    turns: Keyed<Digest, tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// The one that was used last stands last.
    packages: VecDeque<Loaded>,
    package_bytes: usize,
    contents: BTreeMap<Digest, Arc<[u8]>>,
    order: VecDeque<Digest>,
    bytes: usize,
}

#[derive(Debug)]
struct Loaded {
    package: Arc<Package>,
    bytes: usize,
    /// What earlier renderings read: two contexts that agree on it share a result.
    reads: Vec<Reads>,
    results: BTreeMap<Digest, (ContentRef, Features)>,
    failures: BTreeMap<Digest, Failure>,
    /// How costly it was for clusters, by all that is the same for every cluster.
    costs: BTreeMap<Digest, Cost>,
}

/// What renderings cost that differ only in the cluster.
#[derive(Debug)]
enum Cost {
    /// One could be afforded: every cluster is tried, and one that is too costly is alone with that.
    Fine,
    /// So many were too costly, and none was not. From [`GIVEN_UP`] on no other is tried: it would cost as much again.
    TooMuch(u32, Failure),
}

/// What one pass over clusters gave.
#[derive(Debug)]
pub(crate) struct Pass<K> {
    pub(crate) results: Vec<(K, Result<Rendered, Failure>)>,
    /// Whether there is a result for each cluster.
    pub(crate) is_complete: bool,
}

impl Renderer {
    /// A package by the digest of its files, if it is in memory.
    pub(crate) fn package(&self, files: &Digest) -> Option<Arc<Package>> {
        self.state.lock().package(files)
    }

    /// Keeps a package in memory, where it takes so many bytes.
    pub(crate) fn keep(&self, package: Package, bytes: usize) -> Arc<Package> {
        let mut state = self.state.lock();
        if let Some(known) = state.package(&package.digest()) {
            return known;
        }
        let package = Arc::new(package);
        state.package_bytes += bytes;
        while state.package_bytes > PACKAGE_BYTES
            && let Some(oldest) = state.packages.pop_front()
        {
            state.package_bytes -= oldest.bytes;
        }
        state.packages.push_back(Loaded {
            package: Arc::clone(&package),
            bytes,
            reads: Vec::new(),
            results: BTreeMap::new(),
            failures: BTreeMap::new(),
            costs: BTreeMap::new(),
        });
        package
    }

    /// The bytes of a content, if they are in memory.
    pub(crate) fn bytes(&self, content: &Digest) -> Option<Arc<[u8]>> {
        self.state.lock().contents.get(content).cloned()
    }

    /// Renders a revision for clusters, or finds what was rendered for others that agree on everything read. Takes its time:
    /// not for the reactor. When that time is over, only what is known already is still given.
    pub(crate) fn render<K>(
        &self,
        package: &Arc<Package>,
        inputs: impl IntoIterator<Item = (K, RenderInput)>,
        time: Duration,
    ) -> Pass<K> {
        let mut spent = Duration::ZERO;
        let mut shared = None;
        let mut pass = Pass {
            results: Vec::new(),
            is_complete: true,
        };
        for (key, input) in inputs {
            let asked = Asked::new(package, &input);
            let asked = match asked {
                Ok(asked) => asked,
                Err(failure) => {
                    pass.results.push((key, Err(failure)));
                    continue;
                }
            };
            // The same for every cluster of a pass.
            let shared = *shared.get_or_insert_with(|| asked.shared());
            if let Some(known) = self.known(package, &asked, &shared) {
                pass.results.push((key, known));
            } else if spent < time {
                let start = Instant::now();
                pass.results
                    .push((key, self.fresh(package, &asked, shared)));
                spent += start.elapsed();
            } else {
                pass.is_complete = false;
            }
        }
        pass
    }

    fn fresh(
        &self,
        package: &Arc<Package>,
        asked: &Asked,
        shared: Digest,
    ) -> Result<Rendered, Failure> {
        let digest = package.digest();
        let rendered = package.render(&asked.context);
        let too_costly = rendered.as_ref().is_err_and(Invalid::is_too_costly);
        let rendered = rendered
            .map_err(|invalid| failure(&invalid))
            .and_then(|rendered| match check_stored_size(&rendered.content) {
                Ok(()) => Ok(rendered),
                Err(violation) => Err(Failure {
                    reason: Reason::SetTooLarge,
                    message: violation.details,
                }),
            });
        let rendered = rendered.map(|rendered| (rendered.content.needs(), rendered));
        let mut state = self.state.lock();
        let loaded = state.loaded(&digest);
        match rendered {
            Ok((needs, rendered)) => {
                let key = rendered.reads.key(&digest, &asked.context);
                if let Some(loaded) = loaded {
                    loaded.make_room();
                    let result = (rendered.reference, needs);
                    loaded.results.insert(key, result);
                    loaded.costs.insert(shared, Cost::Fine);
                    if !loaded.reads.contains(&rendered.reads) {
                        loaded.reads.push(rendered.reads);
                    }
                }
                state.remember(rendered.reference.digest, rendered.content.to_bytes());
                Ok(Rendered {
                    input: key,
                    content: rendered.reference,
                    needs,
                })
            }
            Err(failure) => {
                if let Some(loaded) = loaded {
                    loaded.make_room();
                    if too_costly {
                        loaded.was_too_costly(shared, &failure);
                    }
                    loaded.failures.insert(asked.all, failure.clone());
                }
                Err(failure)
            }
        }
    }

    fn known(
        &self,
        package: &Package,
        asked: &Asked,
        shared: &Digest,
    ) -> Option<Result<Rendered, Failure>> {
        let digest = package.digest();
        let mut state = self.state.lock();
        let loaded = state.loaded(&digest)?;
        if let Some(failure) = loaded.failures.get(&asked.all) {
            return Some(Err(failure.clone()));
        }
        let found = loaded.reads.iter().find_map(|reads| {
            let input = reads.key(&digest, &asked.context);
            let (content, needs) = *loaded.results.get(&input)?;
            Some(Ok(Rendered {
                input,
                content,
                needs,
            }))
        });
        found.or_else(|| match loaded.costs.get(shared)? {
            Cost::TooMuch(times, failure) if *times >= GIVEN_UP => Some(Err(failure.clone())),
            _ => None,
        })
    }

    /// Held while a content is rendered again: many members ask for one at once, it is rendered for the first, and is
    /// there for the others.
    pub(crate) fn turn(&self, content: Digest) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.get(content, Default::default)
    }

    /// The bytes of a content, rendered again from whichever of the inputs gives it.
    pub(crate) fn again(
        &self,
        package: &Arc<Package>,
        inputs: &[RenderInput],
        content: &Digest,
    ) -> Option<Arc<[u8]>> {
        let mut tried = BTreeSet::new();
        for input in inputs {
            let Ok(context) = package.context(input) else {
                continue;
            };
            if tried.len() == TRIES {
                break;
            }
            if !tried.insert(whole(&context, input)) {
                continue;
            }
            if let Ok(rendered) = package.render(&context)
                && rendered.reference.digest == *content
            {
                let mut state = self.state.lock();
                return Some(state.remember(*content, rendered.content.to_bytes()));
            }
        }
        None
    }
}

/// A rendering that is asked for.
struct Asked {
    context: Context,
    /// Digest of everything that it could read.
    all: Digest,
}

impl Asked {
    fn new(package: &Package, input: &RenderInput) -> Result<Self, Failure> {
        let context = package
            .context(input)
            .map_err(|invalid| failure(&invalid))?;
        let all = whole(&context, input);
        Ok(Self { context, all })
    }

    /// Digest of what is the same for every cluster.
    fn shared(&self) -> Digest {
        let mut value = self.context.value().clone();
        if let Some(value) = value.as_object_mut() {
            value.remove("cluster");
            value.remove("environment");
        }
        Digest::of(&canonical_json(&json!([value, self.context.component()])))
    }
}

/// Digest of everything that a rendering could read.
fn whole(context: &Context, input: &RenderInput) -> Digest {
    Digest::of(&canonical_json(&Value::Array(vec![
        context.value().clone(),
        input.namespace.clone().into(),
        input.component.clone().into(),
    ])))
}

impl Loaded {
    fn make_room(&mut self) {
        if self.results.len() + self.failures.len() >= RESULTS {
            self.reads.clear();
            self.results.clear();
            self.failures.clear();
            self.costs.clear();
        }
    }

    fn was_too_costly(&mut self, shared: Digest, failure: &Failure) {
        let first = || Cost::TooMuch(0, failure.clone());
        if let Cost::TooMuch(times, _) = self.costs.entry(shared).or_insert_with(first) {
            *times += 1;
        }
    }
}

impl State {
    fn loaded(&mut self, files: &Digest) -> Option<&mut Loaded> {
        let mut packages = self.packages.iter_mut();
        packages.find(|loaded| loaded.package.digest() == *files)
    }

    fn package(&mut self, files: &Digest) -> Option<Arc<Package>> {
        let mut packages = self.packages.iter();
        let at = packages.position(|loaded| loaded.package.digest() == *files)?;
        let loaded = self.packages.remove(at)?;
        let package = Arc::clone(&loaded.package);
        self.packages.push_back(loaded);
        Some(package)
    }

    fn remember(&mut self, digest: Digest, bytes: Vec<u8>) -> Arc<[u8]> {
        if let Some(known) = self.contents.get(&digest) {
            return Arc::clone(known);
        }
        let bytes: Arc<[u8]> = bytes.into();
        self.bytes += bytes.len();
        self.contents.insert(digest, Arc::clone(&bytes));
        self.order.push_back(digest);
        while self.bytes > BYTES && self.order.len() > 1 {
            let oldest = self.order.pop_front();
            if let Some(gone) = oldest.and_then(|oldest| self.contents.remove(&oldest)) {
                self.bytes -= gone.len();
            }
        }
        bytes
    }
}

/// What people are told about a package that cannot be rendered.
pub(crate) fn failure(invalid: &Invalid) -> Failure {
    let reason =
        invalid
            .violations()
            .first()
            .map_or(Reason::LoadError, |violation| match violation.reason {
                violation::Reason::Template => Reason::TemplateError,
                violation::Reason::ClusterLabelMissing => Reason::ClusterLabelMissing,
                other => Reason::opaque(&other.word()),
            });
    Failure {
        reason,
        message: invalid.to_string(),
    }
}

#[cfg(test)]
mod tests;
