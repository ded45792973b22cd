//! Overrides of where images come from: prefixes of images, and hosts of registries.

use thiserror::Error as ThisError;

/// Prefixes of images that are replaced by others; of several that fit, the longest is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImagePrefixes(Vec<(String, String)>);

/// Hosts of registries that others stand in for when packages are pulled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryHosts(Vec<(String, String)>);

/// An override that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum Error {
    /// It has not two parts.
    #[error("{0:?} is not FROM=TO")]
    Form(String),
    /// Two say different things about the same.
    #[error("{0:?} is overridden twice")]
    Twice(String),
    /// It is not what a registry is reached by.
    #[error("{0:?} is not HOST or HOST:PORT")]
    Host(String),
}

impl ImagePrefixes {
    /// Reads `FROM=TO,FROM=TO`; an empty text overrides nothing.
    ///
    /// # Errors
    /// When a part is not `FROM=TO`, or two have the same `FROM`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        pairs(text).map(Self)
    }

    /// What is replaced by what, in the order of the text.
    pub(crate) fn as_pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The image with its longest prefix that is overridden replaced. A prefix is any number of characters; one that
    /// is to end with a part of the path ends with a slash.
    pub fn replace(&self, image: &str) -> String {
        let fitting = self
            .0
            .iter()
            .filter_map(|(from, to)| Some((from, to, image.strip_prefix(from.as_str())?)));
        match fitting.max_by_key(|(from, ..)| from.len()) {
            Some((_, to, rest)) => format!("{to}{rest}"),
            None => image.to_owned(),
        }
    }
}

impl RegistryHosts {
    /// Reads `HOST=HOST,HOST=HOST`, each perhaps with a port; an empty text overrides nothing.
    ///
    /// # Errors
    /// When a part has another form, or a host is overridden twice.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let pairs = pairs(text)?;
        let is_host = |text: &str| !text.contains(['/', '@', '?', '#', ' ']);
        for host in pairs.iter().flat_map(|(from, to)| [from, to]) {
            if !is_host(host) {
                return Err(Error::Host(host.clone()));
            }
        }
        Ok(Self(pairs))
    }

    /// The registry that stands in for this one.
    pub fn get(&self, host: &str) -> Option<&str> {
        let found = self.0.iter().find(|(from, _)| from == host);
        found.map(|(_, to)| to.as_str())
    }
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, Error> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
        let form = || Error::Form(part.to_owned());
        let (from, to) = part.split_once('=').ok_or_else(form)?;
        if from.is_empty() || to.is_empty() {
            return Err(form());
        }
        if pairs.iter().any(|(known, _)| known == from) {
            return Err(Error::Twice(from.to_owned()));
        }
        pairs.push((from.to_owned(), to.to_owned()));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_prefixes_the_longest_wins_whatever_the_order() {
        for text in [
            "registry.example/=mirror.example/,registry.example/team/=mirror.example/ours/",
            "registry.example/team/=mirror.example/ours/, registry.example/=mirror.example/,",
        ] {
            let prefixes = ImagePrefixes::parse(text).unwrap();
            for (image, replaced) in [
                ("registry.example/team/lamp:1", "mirror.example/ours/lamp:1"),
                (
                    "registry.example/other/lamp:1",
                    "mirror.example/other/lamp:1",
                ),
                ("elsewhere.example/lamp:1", "elsewhere.example/lamp:1"),
            ] {
                assert_eq!(prefixes.replace(image), replaced);
            }
        }
        assert_eq!(ImagePrefixes::default().replace("lamp"), "lamp");
    }

    #[test]
    fn a_host_is_replaced_whole() {
        let hosts = RegistryHosts::parse("registry.example=127.0.0.1:5000").unwrap();
        assert_eq!(hosts.get("registry.example"), Some("127.0.0.1:5000"));
        assert_eq!(hosts.get("registry.example:443"), None);
        assert_eq!(hosts.get("my-registry.example"), None);
    }

    #[test]
    fn what_is_no_override_is_refused_and_named() {
        for (text, error) in [
            ("registry.example", Error::Form("registry.example".into())),
            ("a=b,=c", Error::Form("=c".into())),
            ("a=", Error::Form("a=".into())),
            ("a=b,a=c", Error::Twice("a".into())),
        ] {
            assert_eq!(ImagePrefixes::parse(text), Err(error));
        }
        let path = RegistryHosts::parse("registry.example=mirror.example/ours");
        assert_eq!(path, Err(Error::Host("mirror.example/ours".into())));
        assert_eq!(ImagePrefixes::parse(""), Ok(ImagePrefixes::default()));
    }
}
