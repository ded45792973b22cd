//! The environment of a member, as it reports it.

use std::collections::BTreeMap;

use crate::limit;
use crate::status::truncate;

/// Facts about a member, read by its agent. Templates see them as `.environment`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// `gitVersion` of the API server, such as `v1.36.3`; empty when not read yet.
    pub kubernetes_version: String,
    /// `platform` of the API server, such as `linux/amd64`.
    pub platform: String,
    /// What there is of OpenShift.
    pub open_shift: Fact<OpenShift>,
    /// The proxy of the whole cluster, as OpenShift has it.
    pub proxy: Fact<Proxy>,
    /// What there is of HyperShift.
    pub hyper_shift: Fact<HyperShift>,
}

/// Something that a cluster has or has not. That it has not has to be known as well: an agent of an earlier release, or
/// one that lacks a right, cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fact<T> {
    /// Nobody could tell yet.
    #[default]
    Unknown,
    /// The cluster does not have it.
    Absent,
    /// The cluster has it.
    Present(T),
}

/// An OpenShift cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenShift {
    /// The version of the last completed update, such as `4.17.3`; empty while the first one is under way.
    pub version: String,
    /// What the service that manages the cluster says about it; absent where none does.
    pub managed: Option<BTreeMap<String, String>>,
}

/// A proxy between the cluster and the world. Addresses never hold credentials; empty ones are not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proxy {
    /// `HTTP_PROXY`.
    pub http_proxy: String,
    /// `HTTPS_PROXY`.
    pub https_proxy: String,
    /// `NO_PROXY`.
    pub no_proxy: String,
}

/// A cluster that holds control planes of other clusters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HyperShift {
    /// In order of namespace and name.
    pub hosted_clusters: Vec<HostedCluster>,
}

/// One cluster whose control plane is in the member.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostedCluster {
    /// Namespace of the `HostedCluster`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Where its control plane may run.
    pub node_selector: BTreeMap<String, String>,
}

impl<T> Fact<T> {
    /// What the cluster has, if that is known.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(fact) => Some(fact),
            Self::Unknown | Self::Absent => None,
        }
    }

    /// This fact, or what was known before where it is not known now.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        match self {
            Self::Unknown => before,
            known => known,
        }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Unknown => Fact::Unknown,
            Self::Absent => Fact::Absent,
            Self::Present(fact) => Fact::Present(change(fact)),
        }
    }
}

impl HostedCluster {
    /// The namespace of its control plane.
    pub fn control_plane_namespace(&self) -> String {
        format!("{}-{}", self.namespace, self.name.replace('.', "-"))
    }

    fn maps(&mut self) -> [&mut BTreeMap<String, String>; 3] {
        [
            &mut self.labels,
            &mut self.node_selector,
            &mut self.annotations,
        ]
    }
}

impl Environment {
    /// Leaves out what does not fit a message: versions are cut; settings of a proxy, entries of maps and hosted
    /// clusters that are too large or too many are not reported at all.
    #[must_use]
    pub fn bounded(self) -> Self {
        let mut room = limit::ENVIRONMENT_MAPS;
        Self {
            kubernetes_version: truncate(self.kubernetes_version, limit::VERSION),
            platform: truncate(self.platform, limit::VERSION),
            open_shift: self.open_shift.map(|found| OpenShift {
                version: truncate(found.version, limit::VERSION),
                managed: found.managed.map(|mut data| {
                    keep_what_fits(&mut data, &mut room);
                    data
                }),
            }),
            proxy: self.proxy.map(|found| {
                let fits = |text: String| match text.len() <= limit::PROXY {
                    true => text,
                    false => String::new(),
                };
                Proxy {
                    http_proxy: fits(found.http_proxy),
                    https_proxy: fits(found.https_proxy),
                    no_proxy: fits(found.no_proxy),
                }
            }),
            hyper_shift: self.hyper_shift.map(|mut found| {
                let fits = |one: &HostedCluster| {
                    one.namespace.len() <= limit::NAME && one.name.len() <= limit::NAME
                };
                found.hosted_clusters.retain(fits);
                found.hosted_clusters.truncate(limit::HOSTED_CLUSTERS);
                for map in found
                    .hosted_clusters
                    .iter_mut()
                    .flat_map(HostedCluster::maps)
                {
                    keep_what_fits(map, &mut room);
                }
                found
            }),
        }
    }

    /// Bytes of all keys and values of maps: what has to be within [`limit::ENVIRONMENT_MAPS`].
    pub fn map_bytes(&self) -> usize {
        let managed = self.open_shift.present().and_then(|it| it.managed.as_ref());
        let hosted = self.hyper_shift.present().into_iter();
        let hosted = hosted.flat_map(|found| &found.hosted_clusters);
        let hosted = hosted.flat_map(|one| [&one.labels, &one.annotations, &one.node_selector]);
        let entries = managed.into_iter().chain(hosted).flatten();
        entries.map(|(key, value)| key.len() + value.len()).sum()
    }
}

fn keep_what_fits(map: &mut BTreeMap<String, String>, room: &mut usize) {
    let mut entries = 0;
    map.retain(|key, value| {
        let size = key.len() + value.len();
        let fits = key.len() <= limit::MAP_KEY
            && value.len() <= limit::MAP_VALUE
            && size <= *room
            && entries < limit::MAP_ENTRIES;
        if fits {
            *room -= size;
            entries += 1;
        }
        fits
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
        entries.into_iter().collect()
    }

    #[test]
    fn what_is_beyond_a_bound_is_left_out_and_the_rest_stays() {
        let long = "x".repeat(limit::MAP_VALUE + 1);
        let managed = map([
            ("fits".to_owned(), "1".to_owned()),
            ("long".to_owned(), long),
        ]);
        let many = (0..2 * limit::HOSTED_CLUSTERS).map(|at| HostedCluster {
            namespace: "clusters".into(),
            name: format!("c{at}"),
            ..HostedCluster::default()
        });
        let bounded = Environment {
            kubernetes_version: "v".repeat(limit::VERSION + 1),
            open_shift: Fact::Present(OpenShift {
                version: "4.17.3".into(),
                managed: Some(managed),
            }),
            hyper_shift: Fact::Present(HyperShift {
                hosted_clusters: many.collect(),
            }),
            ..Environment::default()
        }
        .bounded();
        assert_eq!(bounded.kubernetes_version.len(), limit::VERSION);
        let open_shift = bounded.open_shift.present().unwrap();
        let kept: Vec<_> = open_shift.managed.as_ref().unwrap().keys().collect();
        assert_eq!(kept, ["fits"]);
        let hosted = &bounded.hyper_shift.present().unwrap().hosted_clusters;
        assert_eq!(hosted.len(), limit::HOSTED_CLUSTERS);
        assert_eq!(bounded.clone().bounded(), bounded, "once is enough");
    }

    #[test]
    fn all_maps_together_have_a_bound() {
        let full = || {
            let entries = (0..2 * limit::MAP_ENTRIES)
                .map(|at| (format!("k{at:04}"), "v".repeat(limit::MAP_VALUE)));
            map(entries)
        };
        let hosted = |at: usize| HostedCluster {
            name: format!("c{at}"),
            labels: full(),
            annotations: full(),
            node_selector: full(),
            ..HostedCluster::default()
        };
        let environment = Environment {
            hyper_shift: Fact::Present(HyperShift {
                hosted_clusters: (0..limit::HOSTED_CLUSTERS).map(hosted).collect(),
            }),
            ..Environment::default()
        };
        let bounded = environment.bounded();
        let bytes = bounded.map_bytes();
        let most = limit::ENVIRONMENT_MAPS;
        assert!(
            bytes <= most && bytes > most - limit::MAP_VALUE - 8,
            "{bytes}"
        );
    }

    #[test]
    fn a_control_plane_has_a_namespace_without_dots() {
        let hosted = HostedCluster {
            namespace: "clusters".into(),
            name: "east.example".into(),
            ..HostedCluster::default()
        };
        assert_eq!(hosted.control_plane_namespace(), "clusters-east-example");
    }

    #[test]
    fn what_cannot_be_told_now_is_what_it_was() {
        let known = || Fact::Present(1);
        assert_eq!(Fact::Unknown.or(known()), known());
        assert_eq!(Fact::Absent.or(known()), Fact::Absent);
        assert_eq!(Fact::<u8>::Unknown.or(Fact::Unknown), Fact::Unknown);
    }
}
