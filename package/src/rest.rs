//! The rest: findings beyond a limit, of which nothing is kept but how many there are, each counted once.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use crate::files::COMPONENTS;

/// What tells a finding from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

impl Mark {
    /// The mark of something about a file, whose path is that in the whole package.
    pub(crate) fn of(path: Option<&str>, what: impl Hash) -> Self {
        let component = path.and_then(|path| {
            let inside = path.strip_prefix(COMPONENTS)?.strip_prefix('/')?;
            inside.split_once('/')
        });
        match component {
            Some((component, path)) => Self::hash((Some(path), what)).within(component),
            None => Self::hash((path, what)),
        }
    }

    fn hash(what: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        Self(hasher.finish())
    }

    fn within(self, component: &str) -> Self {
        Self::hash((component, self.0))
    }
}

/// Findings that are counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rest(BTreeSet<Mark>);

impl Rest {
    /// Counts one, if it is not counted yet.
    pub(crate) fn add(&mut self, mark: Mark) {
        self.0.insert(mark);
    }

    /// Whether it is among them.
    pub(crate) fn has(&self, mark: Mark) -> bool {
        self.0.contains(&mark)
    }

    /// All of them.
    pub(crate) fn marks(&self) -> impl Iterator<Item = Mark> {
        self.0.iter().copied()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The same, in a component: until now the paths were the component's own.
    #[must_use]
    pub(crate) fn in_component(&self, component: &str) -> Self {
        Self(self.marks().map(|mark| mark.within(component)).collect())
    }
}
