//! A distinct content with its settings, as it is ordered.

use stevedore_proto_core::{ContentRef, Digest, Features};

/// One distinct content that was ordered, with its settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordered {
    /// Number of the `PackageRevision` it was rendered from.
    pub revision: u64,
    /// Digest of everything the renderer read.
    pub input: Digest,
    /// Digest of the rendered content.
    pub content: Digest,
    /// Size of the rendered content in bytes.
    pub size: u64,
    /// What an agent has to know to carry the content out.
    pub needs: Features,
    /// Account that writes the objects; absent for the member's default.
    pub account: Option<String>,
    /// Whether the member only observes.
    pub paused: bool,
}

impl Ordered {
    /// The content as an order names it.
    pub fn reference(&self) -> ContentRef {
        ContentRef {
            digest: self.content,
            size: self.size,
        }
    }

    /// What an agent has to know to be sent the order.
    pub fn needs_of_order(&self, tombstone: bool) -> Features {
        match tombstone {
            true => Features::NONE,
            false => self.needs,
        }
    }

    /// Whether both orders have the same digest: content and settings, not what people read.
    pub fn is_same_order(&self, other: &Self) -> bool {
        self.content == other.content && self.has_same_settings(other)
    }

    /// The same, and carried out.
    pub fn unpaused(&self) -> Self {
        Self {
            paused: false,
            ..self.clone()
        }
    }

    /// Whether the other one is the same but for being paused or not.
    pub fn differs_in_pause_only(&self, other: &Self) -> bool {
        self.content == other.content && self.account == other.account
    }

    /// Whether account and pause are the same.
    pub fn has_same_settings(&self, other: &Self) -> bool {
        self.account == other.account && self.paused == other.paused
    }
}
