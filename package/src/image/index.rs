//! Image indexes, Docker's manifest lists among them: a document that names one image for each platform.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use stevedore_proto_core::digest::Digest;

use super::descriptor::{Descriptor, PLATFORM};
use super::error::ImageError;

/// What an entry has that is not an image, but says something about one.
const ATTESTATION: &str = "vnd.docker.reference.type";
/// Most platforms that a message names.
const NAMED: usize = 10;
/// Most characters of a platform that a message shows.
const SHOWN: usize = 40;

/// An index: images of different platforms, and attestations of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Index {
    manifests: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Entry {
    #[serde(flatten)]
    descriptor: Descriptor,
    platform: Option<Platform>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Platform {
    os: String,
    architecture: String,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = format!("{}/{}", self.os, self.architecture);
        let whole = whole.chars().filter(|it| !it.is_control()).take(SHOWN);
        f.write_str(&whole.collect::<String>())
    }
}

impl Entry {
    fn is_attestation(&self) -> bool {
        let is_unknown = |platform: &Platform| platform.os == "unknown";
        let says = |annotations: &BTreeMap<_, _>| annotations.contains_key(ATTESTATION);
        self.annotations.as_ref().is_some_and(says)
            || self.platform.as_ref().is_some_and(is_unknown)
    }

    /// An entry without a platform is for any.
    fn fits(&self) -> bool {
        let fits = |platform: &Platform| format!("{}/{}", platform.os, platform.architecture);
        let platform = self.platform.as_ref();
        !self.is_attestation() && platform.is_none_or(|platform| fits(platform) == PLATFORM)
    }
}

impl Index {
    /// The image of [`PLATFORM`], or the first without a platform; whichever comes first.
    ///
    /// # Errors
    /// When there is none, or it is an index again.
    pub fn image(&self) -> Result<&Descriptor, ImageError> {
        let mut fitting = self.manifests.iter().filter(|entry| entry.fits());
        let found = fitting.next().ok_or_else(|| self.none())?;
        match found.descriptor.is_index() {
            true => Err(ImageError::NestedIndex(found.descriptor.digest)),
            false => Ok(&found.descriptor),
        }
    }

    /// The one image of the index of an archive, which lists names of images, not platforms; it may be an index.
    pub(super) fn only(&self) -> Result<&Descriptor, ImageError> {
        let fitting = || self.manifests.iter().filter(|entry| entry.fits());
        let digests: BTreeSet<Digest> = fitting().map(|entry| entry.descriptor.digest).collect();
        match (digests.len(), fitting().next()) {
            (1, Some(entry)) => Ok(&entry.descriptor),
            (0, None) if !self.manifests.is_empty() => Err(self.none()),
            (count, _) => Err(ImageError::Malformed {
                what: "index.json".to_owned(),
                message: format!("it names {count} images instead of one"),
            }),
        }
    }

    fn none(&self) -> ImageError {
        let images = self.manifests.iter().filter(|it| !it.is_attestation());
        let platforms: BTreeSet<String> = images
            .filter_map(|entry| entry.platform.as_ref().map(ToString::to_string))
            .collect();
        let more = platforms.len().saturating_sub(NAMED);
        let mut offered: Vec<String> = platforms.into_iter().take(NAMED).collect();
        if more > 0 {
            offered.push(format!("{more} more"));
        }
        let offered = match offered.is_empty() {
            true => "no image".to_owned(),
            false => offered.join(", "),
        };
        ImageError::NoPlatform { offered }
    }
}
