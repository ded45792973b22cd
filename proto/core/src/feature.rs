//! Features: what a content needs of an agent beyond the version of the protocol.
//!
//! An agent ignores what it does not know in a content, so a hub sends such a content only to agents that say, in their
//! Hello, that they know it.

use std::ops::BitOr;

/// A set of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Features(u8);

impl Features {
    /// None.
    pub const NONE: Self = Self(0);
    /// Phases of a class are left to whoever runs that class.
    pub const PHASE_CLASSES: Self = Self(1);
    /// Phases of components wait for those of their own component only.
    pub const COMPONENTS: Self = Self(1 << 1);
    /// Everything that this release knows.
    pub const KNOWN: Self = Self(Self::PHASE_CLASSES.0 | Self::COMPONENTS.0);
    /// Stands for whatever only a later release knows.
    const LATER: Self = Self(1 << 7);

    const WORDS: [(Self, &'static str); 3] = [
        (Self::PHASE_CLASSES, "phase-classes"),
        (Self::COMPONENTS, "components"),
        (Self::LATER, "of-a-later-release"),
    ];

    /// The features that a peer says it has; words of a later release are ignored.
    pub fn offered<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let known = words.into_iter().filter_map(Self::of);
        known.fold(Self::NONE, BitOr::bitor).only(Self::KNOWN)
    }

    /// The features that something needs; a word of a later release is one that no peer of this release has.
    pub fn needed<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let known = words
            .into_iter()
            .map(|word| Self::of(word).unwrap_or(Self::LATER));
        known.fold(Self::NONE, BitOr::bitor)
    }

    fn of(word: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(_, known)| *known == word);
        found.map(|(feature, _)| *feature)
    }

    fn only(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those that are not among others.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// The words of the wire and of stored ledgers.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let all = Self::WORDS.into_iter();
        all.filter(move |(feature, _)| !self.only(*feature).is_empty())
            .map(|(_, word)| word)
    }
}

impl BitOr for Features {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_survives_its_word() {
        assert_eq!(Features::offered(Features::KNOWN.words()), Features::KNOWN);
        assert_eq!(Features::needed(Features::KNOWN.words()), Features::KNOWN);
        assert_eq!(Features::KNOWN.words().count(), 2);
    }

    #[test]
    fn what_a_later_release_needs_no_peer_has_even_one_that_says_so() {
        let needed = Features::needed(["phase-classes", "teleport"]);
        let offered = Features::offered(["phase-classes", "components", "teleport"]);
        let missing = needed.without(offered);
        assert!(!missing.is_empty());
        let stored: Vec<_> = needed.words().collect();
        let read = Features::needed(stored.iter().copied());
        assert_eq!(read, needed, "a ledger keeps that something is needed");
        let pretended = Features::offered(stored);
        assert!(!needed.without(pretended).is_empty());
    }

    #[test]
    fn nothing_is_missing_where_nothing_is_needed() {
        assert!(Features::NONE.without(Features::NONE).is_empty());
        assert!(
            !Features::COMPONENTS
                .without(Features::PHASE_CLASSES)
                .is_empty()
        );
    }
}
