//! Placement: selects the member clusters that a package goes to.
//!
//! Absent placement means the hub's own cluster, known by its UID and not by a label. A placement without
//! terms selects nothing; terms are ANDed. A leaving cluster is never selected.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_proto_core::ClusterUid;
use stevedore_proto_core::content::LabelSelector;

/// One joined member, as placement sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// UID of its `kube-system` namespace.
    pub cluster: ClusterUid,
    /// Name of its `MemberCluster`.
    pub name: String,
    /// Labels of its `MemberCluster`.
    pub labels: BTreeMap<String, String>,
    /// Whether it is being emptied.
    pub leaving: bool,
    /// Whether nothing may be ordered there.
    pub held: bool,
}

/// What a package asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// By labels; the empty selector selects every member.
    pub selector: Option<LabelSelector>,
    /// By names.
    pub names: Option<BTreeSet<String>>,
}

/// Why a package reaches fewer clusters than it asks for, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shortfall {
    /// Placement is absent and the hub's own cluster has no agent.
    NoLocalMember,
    /// Nothing is selected.
    NoTargets,
    /// A namespaced package reaches none but the hub's own cluster.
    NotBound,
}

impl Shortfall {
    /// One CamelCase word for conditions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoLocalMember => "NoLocalMember",
            Self::NoTargets => "NoTargets",
            Self::NotBound => "NotBound",
        }
    }

    /// One sentence for people.
    pub fn message(self) -> &'static str {
        match self {
            Self::NoLocalMember => {
                "the package has no placement, which means the hub's own cluster, and that one is not joined as a member"
            }
            Self::NoTargets => "the placement selects no member cluster",
            Self::NotBound => {
                "a namespaced Package reaches only the hub's own cluster; use a ClusterPackage for other clusters"
            }
        }
    }
}

/// The clusters a package goes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// UIDs of the selected clusters.
    pub targets: BTreeSet<ClusterUid>,
    /// Why there are fewer than asked for.
    pub shortfall: Option<Shortfall>,
}

/// Selects among the joined members. `own` is the hub's own cluster; `namespaced` packages reach no other.
pub fn select<'a>(
    placement: Option<&Placement>,
    namespaced: bool,
    own: &ClusterUid,
    members: impl IntoIterator<Item = &'a Member>,
) -> Selection {
    let mut selection = Selection::default();
    for member in members {
        if member.leaving || !is_selected(placement, own, member) {
            continue;
        }
        if namespaced && member.cluster != *own {
            selection.shortfall = Some(Shortfall::NotBound);
        } else {
            selection.targets.insert(member.cluster);
        }
    }
    if selection.targets.is_empty() && selection.shortfall.is_none() {
        selection.shortfall = Some(match placement {
            None => Shortfall::NoLocalMember,
            Some(_) => Shortfall::NoTargets,
        });
    }
    selection
}

fn is_selected(placement: Option<&Placement>, own: &ClusterUid, member: &Member) -> bool {
    let Some(Placement { selector, names }) = placement else {
        return member.cluster == *own;
    };
    (selector.is_some() || names.is_some())
        && selector
            .as_ref()
            .is_none_or(|selector| selector.matches(&member.labels))
        && names
            .as_ref()
            .is_none_or(|names| names.contains(&member.name))
}

#[cfg(test)]
mod tests {
    use stevedore_proto_core::content::{LabelExpression, LabelOperator};

    use super::*;

    fn member(seed: u8, name: &str, tier: &str) -> Member {
        Member {
            cluster: ClusterUid::from_bytes([seed; 16]),
            name: name.into(),
            labels: BTreeMap::from([("tier".to_owned(), tier.to_owned())]),
            leaving: false,
            held: false,
        }
    }

    fn fleet() -> Vec<Member> {
        vec![
            member(1, "hub", "core"),
            member(2, "east", "edge"),
            member(3, "west", "edge"),
        ]
    }

    fn pick(placement: Option<&Placement>, namespaced: bool) -> (Vec<u8>, Option<Shortfall>) {
        let own = ClusterUid::from_bytes([1; 16]);
        let selection = select(placement, namespaced, &own, &fleet());
        let targets = selection
            .targets
            .iter()
            .map(|uid| uid.as_bytes()[0])
            .collect();
        (targets, selection.shortfall)
    }

    fn edge() -> LabelSelector {
        LabelSelector {
            match_labels: BTreeMap::from([("tier".into(), "edge".into())]),
            match_expressions: vec![],
        }
    }

    #[test]
    fn absent_placement_is_the_own_cluster_by_uid() {
        assert_eq!(pick(None, false), (vec![1], None));
        let elsewhere = ClusterUid::from_bytes([9; 16]);
        let selection = select(None, false, &elsewhere, &fleet());
        assert_eq!(selection.shortfall, Some(Shortfall::NoLocalMember));
    }

    #[test]
    fn a_placement_without_terms_selects_nothing_and_an_empty_selector_everything() {
        let none = Placement::default();
        assert_eq!(
            pick(Some(&none), false),
            (vec![], Some(Shortfall::NoTargets))
        );
        let all = Placement {
            selector: Some(LabelSelector::default()),
            names: None,
        };
        assert_eq!(pick(Some(&all), false), (vec![1, 2, 3], None));
    }

    #[test]
    fn terms_are_anded() {
        let both = Placement {
            selector: Some(edge()),
            names: Some(BTreeSet::from(["hub".to_owned(), "west".to_owned()])),
        };
        assert_eq!(pick(Some(&both), false), (vec![3], None));
        let not_edge = Placement {
            selector: Some(LabelSelector {
                match_labels: BTreeMap::new(),
                match_expressions: vec![LabelExpression {
                    key: "tier".into(),
                    operator: LabelOperator::NotIn,
                    values: vec!["edge".into()],
                }],
            }),
            names: None,
        };
        assert_eq!(pick(Some(&not_edge), false), (vec![1], None));
        let no_names = Placement {
            selector: None,
            names: Some(BTreeSet::new()),
        };
        assert_eq!(
            pick(Some(&no_names), false),
            (vec![], Some(Shortfall::NoTargets))
        );
    }

    #[test]
    fn a_leaving_cluster_is_not_selected() {
        let mut members = fleet();
        members[1].leaving = true;
        let placement = Placement {
            selector: Some(edge()),
            names: None,
        };
        let own = ClusterUid::from_bytes([1; 16]);
        let selection = select(Some(&placement), false, &own, &members);
        assert_eq!(
            selection.targets,
            BTreeSet::from([ClusterUid::from_bytes([3; 16])])
        );
    }

    #[test]
    fn a_namespaced_package_reaches_the_own_cluster_only() {
        let all = Placement {
            selector: Some(LabelSelector::default()),
            names: None,
        };
        assert_eq!(pick(Some(&all), true), (vec![1], Some(Shortfall::NotBound)));
        let edge = Placement {
            selector: Some(edge()),
            names: None,
        };
        assert_eq!(pick(Some(&edge), true), (vec![], Some(Shortfall::NotBound)));
        assert_eq!(pick(None, true), (vec![1], None));
    }
}
