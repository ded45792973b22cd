//! The package that the demo rolls out, in two editions.

use stevedore_package::files::PackageFiles;

/// Name of the package.
pub(super) const NAME: &str = "lighthouse";

const COMMON: &[(&str, &str)] = &[
    (
        "manifest.yaml",
        include_str!("../../demo/lighthouse/manifest.yaml"),
    ),
    (
        "foundation.yaml.gotmpl",
        include_str!("../../demo/lighthouse/foundation.yaml.gotmpl"),
    ),
    (
        "entry.yaml.gotmpl",
        include_str!("../../demo/lighthouse/entry.yaml.gotmpl"),
    ),
];
const FIRST: &[(&str, &str)] = &[
    (
        "workload.yaml.gotmpl",
        include_str!("../../demo/lighthouse/workload.yaml.gotmpl"),
    ),
    (
        "notice.yaml.gotmpl",
        include_str!("../../demo/lighthouse/notice.yaml.gotmpl"),
    ),
];
const SECOND: &[(&str, &str)] = &[(
    "workload.yaml.gotmpl",
    include_str!("../../demo/lighthouse-2/workload.yaml.gotmpl"),
)];

/// What members show when an edition is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edition {
    /// Tag of the package image.
    pub(super) tag: &'static str,
    /// Image of the lamp.
    pub(super) lamp: &'static str,
    /// Colour of the beam, from the package's config.
    pub(super) colour: &'static str,
    /// Whether there is a notice.
    pub(super) notice: bool,
    own: &'static [(&'static str, &'static str)],
}

/// The first edition.
pub(super) const ONE: Edition = Edition {
    tag: "1",
    lamp: "registry.example/lighthouse/lamp:1",
    colour: "white",
    notice: true,
    own: FIRST,
};
/// The second: another lamp and colour, and no notice.
pub(super) const TWO: Edition = Edition {
    tag: "2",
    lamp: "registry.example/lighthouse/lamp:2",
    colour: "green",
    notice: false,
    own: SECOND,
};

impl Edition {
    /// The edition's files.
    ///
    /// # Errors
    /// Never, but for a mistake in the files themselves.
    pub(super) fn files(&self) -> anyhow::Result<PackageFiles> {
        let mut files = PackageFiles::new();
        for (path, text) in COMMON.iter().chain(self.own) {
            files.insert(path, text.as_bytes().to_vec())?;
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stevedore_package::package::Package;

    #[test]
    fn both_editions_are_valid_packages() {
        for edition in [ONE, TWO] {
            let package = Package::load(edition.files().unwrap()).unwrap();
            package.check().unwrap();
            assert_eq!(package.manifest().name, NAME);
        }
    }
}
