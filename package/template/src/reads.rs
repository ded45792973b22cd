//! The reads of an execution: the paths of the context that it depends on, and how deeply.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value as Json, json};

/// How much of a context value was read; the later variants include the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Depth {
    /// Whether it is there and of which kind it is: a map that was only passed through, `hasKey`.
    Kind,
    /// Also whether it is empty: `if`, `with`, `default`.
    Emptiness,
    /// All of it, with everything below.
    Value,
}

/// The keys from the root of the context down to a value.
pub(crate) type Path = Vec<String>;

/// The context paths an execution read; the absence of a key counts as read too.
///
/// Two contexts with the same [`Reads::project`] give the same output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    pub(crate) paths: BTreeMap<Path, Depth>,
}

impl Reads {
    /// Adds everything `other` read: several files of one package share one set of reads.
    pub fn merge(&mut self, other: &Self) {
        for (path, depth) in &other.paths {
            let known = self.paths.entry(path.clone()).or_insert(*depth);
            *known = (*known).max(*depth);
        }
        self.normalise();
    }

    /// What these reads see in `context`: a JSON object that is equal for two contexts exactly when
    /// they agree on everything that was read.
    #[must_use]
    pub fn project(&self, context: &Json) -> Json {
        let seen = self.paths.iter().map(|(path, depth)| {
            let mut keys = path.iter();
            let pointed = keys.try_fold(context, |value, key| value.as_object()?.get(key));
            json!([path, pointed.map(|value| view(value, *depth))])
        });
        Json::Array(seen.collect())
    }

    /// The reads below these keys of the root alone.
    #[must_use]
    pub fn below(&self, keys: &[&str]) -> Self {
        let mut paths = BTreeMap::new();
        for (path, depth) in &self.paths {
            match path.first() {
                Some(first) if keys.contains(&first.as_str()) => {
                    paths.insert(path.clone(), *depth);
                }
                None if *depth == Depth::Value => {
                    let all = keys.iter().map(|key| (vec![(*key).to_owned()], *depth));
                    paths.extend(all);
                }
                _ => {}
            }
        }
        let mut below = Self { paths };
        below.normalise();
        below
    }

    /// Drops what lies below a path that was read as a whole.
    fn normalise(&mut self) {
        let mut whole: Option<Path> = None;
        self.paths.retain(|path, depth| {
            if whole.as_ref().is_some_and(|top| path.starts_with(top)) {
                return false;
            }
            if *depth == Depth::Value {
                whole = Some(path.clone());
            }
            true
        });
    }
}

fn view(value: &Json, depth: Depth) -> Json {
    let (kind, empty) = match value {
        Json::Null => ("null", true),
        Json::Bool(truth) => ("bool", !truth),
        Json::Number(number) => ("number", number.as_f64() == Some(0.0)),
        Json::String(text) => ("string", text.is_empty()),
        Json::Array(items) => ("array", items.is_empty()),
        Json::Object(entries) => ("object", entries.is_empty()),
    };
    match depth {
        Depth::Kind => json!({ "kind": kind }),
        Depth::Emptiness => json!({ "kind": kind, "empty": empty }),
        Depth::Value => json!({ "value": value }),
    }
}

/// Collects the reads of one context while templates run.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    paths: RefCell<BTreeMap<Path, Depth>>,
    /// Whether a template changed something of the context.
    is_changed: Cell<bool>,
    /// Maps whose type tells whether they are empty.
    maps_of_strings: Vec<Path>,
}

impl Recorder {
    /// One for a context with maps of strings at these paths.
    pub(crate) fn new(maps_of_strings: &[&[&str]]) -> Self {
        let owned = |path: &&[&str]| path.iter().map(|&key| key.to_owned()).collect();
        Self {
            maps_of_strings: maps_of_strings.iter().map(owned).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn record(&self, path: Path, depth: Depth) {
        let mut paths = self.paths.borrow_mut();
        let known = paths.entry(path).or_insert(depth);
        *known = (*known).max(depth);
    }

    /// Whether the context was changed since this was asked before.
    pub(crate) fn take_change(&self) -> bool {
        self.is_changed.take()
    }

    pub(crate) fn reads(&self) -> Reads {
        let mut reads = Reads {
            paths: self.paths.borrow().clone(),
        };
        reads.normalise();
        reads
    }
}

/// Where a container of the context is, so that reads of it are recorded.
#[derive(Debug)]
pub(crate) struct Origin {
    path: Path,
    recorder: Rc<Recorder>,
    /// What was recorded from here: of what is here, and of what is below it by key. Templates read the same again and
    /// again.
    own: Cell<Option<Depth>>,
    below: RefCell<BTreeMap<Box<[u8]>, Depth>>,
}

impl Origin {
    pub(crate) fn root(recorder: &Rc<Recorder>) -> Self {
        Self::new(Path::new(), recorder)
    }

    fn new(path: Path, recorder: &Rc<Recorder>) -> Self {
        Self {
            path,
            recorder: Rc::clone(recorder),
            own: Cell::default(),
            below: RefCell::default(),
        }
    }

    pub(crate) fn child(&self, key: &str) -> Self {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        Self::new(path, &self.recorder)
    }

    /// Whether what is here is a map of strings.
    pub(crate) fn is_map_of_strings(&self) -> bool {
        self.recorder.maps_of_strings.contains(&self.path)
    }

    /// The keys from the root.
    pub(crate) fn path(&self) -> &[String] {
        &self.path
    }

    /// Notes that something here was changed.
    pub(crate) fn note_change(&self) {
        self.recorder.is_changed.set(true);
    }

    pub(crate) fn record(&self, depth: Depth) {
        if self.own.get() < Some(depth) {
            self.own.set(Some(depth));
            self.recorder.record(self.path.clone(), depth);
        }
    }

    pub(crate) fn record_child(&self, key: &[u8], depth: Depth) {
        let mut below = self.below.borrow_mut();
        match below.get_mut(key) {
            Some(known) if *known >= depth => return,
            Some(known) => *known = depth,
            None => {
                below.insert(key.into(), depth);
            }
        }
        let mut path = self.path.clone();
        path.push(String::from_utf8_lossy(key).into_owned());
        self.recorder.record(path, depth);
    }
}
