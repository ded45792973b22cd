//! Claims of packages on clusters: who is there first, where a package has to be the only one of its name in a scope.
//!
//! Only a package that asks for it is held to it. On one cluster the one that is installed comes before the one that is
//! not; of two that are installed the older one; of two that are not, the one that claimed the cluster first, which is
//! kept in memory until it is installed.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_proto_core::{ClusterUid, PackageUid};

/// Within what a package is the only one of its name: a namespace of a cluster, or for cluster packages the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The name in the manifest.
    pub manifest: String,
    /// Namespace of a `Package`; none of a `ClusterPackage`.
    pub namespace: Option<String>,
}

/// What one package asks for.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What it would share with others.
    pub scope: Scope,
    /// Whether it has to be the only one.
    pub is_unique: bool,
    /// When it was made, in seconds since the Unix epoch.
    pub created: i64,
    /// Clusters that it goes to.
    pub wanted: BTreeSet<ClusterUid>,
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Wanted clusters where another one comes first, and which.
    pub refused: BTreeMap<ClusterUid, PackageUid>,
    /// Packages for which this may change something.
    pub concerned: BTreeSet<PackageUid>,
}

/// Whether a package has an order on a cluster, tombstones included: it is not gone before its row is.
pub type Installed<'a> = dyn Fn(&PackageUid, &ClusterUid) -> bool + 'a;

/// The claims of all packages whose content is known.
#[derive(Debug, Default)]
pub struct Claims(BTreeMap<PackageUid, Holder>);

#[derive(Debug, PartialEq, Eq)]
struct Holder {
    scope: Scope,
    is_unique: bool,
    created: i64,
    /// Clusters that one which has to be the only one wants and was not refused.
    granted: BTreeSet<ClusterUid>,
}

impl Claims {
    /// Whether a package has claimed anything since the hub started. What one has installed that has not may be of any
    /// name.
    pub fn is_known(&self, package: &PackageUid) -> bool {
        self.0.contains_key(package)
    }

    /// Takes a package's claim in place of its last one.
    pub fn claim(
        &mut self,
        package: PackageUid,
        claim: Claim,
        installed: &Installed<'_>,
    ) -> Answer {
        let Claim {
            scope,
            is_unique,
            created,
            mut wanted,
        } = claim;
        if !is_unique {
            wanted.clear();
        }
        let mut holder = Holder {
            scope,
            is_unique,
            created,
            granted: wanted,
        };
        let first = |cluster: &ClusterUid| {
            let rival = self.first(package, &holder, cluster, installed)?;
            Some((*cluster, rival))
        };
        let refused: BTreeMap<_, _> = holder.granted.iter().filter_map(first).collect();
        holder
            .granted
            .retain(|cluster| !refused.contains_key(cluster));
        let before = self.0.insert(package, holder);
        let mut concerned = BTreeSet::new();
        if before.as_ref() != self.0.get(&package) {
            concerned.extend(self.rivals(&package));
            match before {
                Some(before) => concerned.extend(self.rivals_in(&package, &before.scope)),
                // Others may have waited to know which it is.
                None => concerned.extend(self.all_unique_but(&package)),
            }
        }
        Answer { refused, concerned }
    }

    /// A package wants nothing any more; gives the packages that it concerns.
    pub fn withdraw(&mut self, package: &PackageUid) -> BTreeSet<PackageUid> {
        let Some(holder) = self.0.get_mut(package) else {
            return BTreeSet::new();
        };
        match std::mem::take(&mut holder.granted).is_empty() {
            true => BTreeSet::new(),
            false => self.rivals(package),
        }
    }

    /// Lets a package go that is gone; gives the packages that it concerns.
    pub fn forget(&mut self, package: &PackageUid) -> BTreeSet<PackageUid> {
        let Some(holder) = self.0.remove(package) else {
            return BTreeSet::new();
        };
        self.rivals_in(package, &holder.scope).collect()
    }

    /// The other packages of its scope, which may be any where it is not known, that have to be the only one: they look
    /// again when its orders change.
    pub fn rivals(&self, package: &PackageUid) -> BTreeSet<PackageUid> {
        match self.0.get(package) {
            Some(known) => self.rivals_in(package, &known.scope).collect(),
            None => self.all_unique_but(package).collect(),
        }
    }

    fn all_unique_but(&self, package: &PackageUid) -> impl Iterator<Item = PackageUid> {
        let unique = self.0.iter().filter(|(_, it)| it.is_unique);
        let others = unique.filter(move |(uid, _)| *uid != package);
        others.map(|(uid, _)| *uid)
    }

    fn rivals_in<'a>(
        &'a self,
        package: &'a PackageUid,
        scope: &'a Scope,
    ) -> impl Iterator<Item = PackageUid> + 'a {
        let others = self.0.iter().filter(move |(uid, _)| *uid != package);
        let rivals = others.filter(move |(_, it)| it.is_unique && it.scope == *scope);
        rivals.map(|(uid, _)| *uid)
    }

    /// Who comes before a package that has to be the only one on this cluster.
    fn first(
        &self,
        package: PackageUid,
        claim: &Holder,
        cluster: &ClusterUid,
        installed: &Installed<'_>,
    ) -> Option<PackageUid> {
        let is_installed = installed(&package, cluster);
        let known = self.0.get(&package);
        let is_granted = known.is_some_and(|known| known.granted.contains(cluster));
        let is_before = |uid: &PackageUid, rival: &Holder| match installed(uid, cluster) {
            true if is_installed => (rival.created, *uid) < (claim.created, package),
            true => true,
            false => !is_installed && !is_granted && rival.granted.contains(cluster),
        };
        let mut rivals = self.0.iter();
        let rival = rivals.find(|(uid, rival)| {
            **uid != package && rival.scope == claim.scope && is_before(uid, rival)
        });
        rival.map(|(uid, _)| *uid)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::cluster;

    /// Orders by package.
    type Rows = BTreeMap<PackageUid, BTreeSet<ClusterUid>>;

    fn uid(id: u8) -> PackageUid {
        PackageUid::from_bytes([id; 16])
    }

    fn clusters(ids: &[u8]) -> BTreeSet<ClusterUid> {
        ids.iter().copied().map(cluster).collect()
    }

    fn rows(installed: &[(u8, &[u8])]) -> Rows {
        let rows = installed.iter();
        rows.map(|(id, on)| (uid(*id), clusters(on))).collect()
    }

    /// A claim of a package `lamp` that has to be the only one; its age follows from its id.
    fn lamp(id: u8, wanted: &[u8]) -> Claim {
        Claim {
            scope: Scope {
                manifest: "lamp".into(),
                namespace: None,
            },
            is_unique: true,
            created: i64::from(id),
            wanted: clusters(wanted),
        }
    }

    fn answer(claims: &mut Claims, id: u8, claim: Claim, rows: &Rows) -> Answer {
        let installed = |package: &PackageUid, cluster: &ClusterUid| {
            rows.get(package).is_some_and(|rows| rows.contains(cluster))
        };
        claims.claim(uid(id), claim, &installed)
    }

    /// Who keeps a package from which cluster.
    fn refused(
        claims: &mut Claims,
        id: u8,
        wanted: &[u8],
        rows: &Rows,
    ) -> Vec<(ClusterUid, PackageUid)> {
        let answer = answer(claims, id, lamp(id, wanted), rows);
        answer.refused.into_iter().collect()
    }

    #[test]
    fn who_claims_a_cluster_first_has_it_and_goes_on_having_it() {
        let (mut claims, nothing) = (Claims::default(), Rows::new());
        assert_eq!(refused(&mut claims, 2, &[1, 2], &nothing), []);
        let later = answer(&mut claims, 1, lamp(1, &[2, 3]), &nothing);
        assert_eq!(later.refused, [(cluster(2), uid(2))].into());
        assert_eq!(later.concerned, [uid(2)].into());
        assert_eq!(refused(&mut claims, 2, &[1, 2], &nothing), []);
    }

    #[test]
    fn what_is_installed_comes_before_what_is_not_and_of_two_the_older_one() {
        let mut claims = Claims::default();
        refused(&mut claims, 1, &[1], &Rows::new());
        let second = rows(&[(2, &[1])]);
        assert_eq!(refused(&mut claims, 2, &[1], &second), []);
        let kept_out = [(cluster(1), uid(2))];
        assert_eq!(refused(&mut claims, 1, &[1], &second), kept_out);
        let both = rows(&[(1, &[1]), (2, &[1])]);
        assert_eq!(refused(&mut claims, 1, &[1], &both), []);
        let younger = [(cluster(1), uid(1))];
        assert_eq!(refused(&mut claims, 2, &[1], &both), younger);
    }

    #[test]
    fn another_name_another_namespace_and_who_does_not_ask_for_it_are_not_refused() {
        let mut claims = Claims::default();
        let installed = rows(&[(1, &[1]), (4, &[1, 2])]);
        refused(&mut claims, 1, &[1], &installed);
        let mut other = lamp(2, &[1]);
        other.scope.manifest = "bell".into();
        let mut elsewhere = lamp(3, &[1]);
        elsewhere.scope.namespace = Some("tenant".into());
        let mut any = lamp(4, &[1]);
        any.is_unique = false;
        for (id, claim) in [(2, other), (3, elsewhere), (4, any)] {
            let answer = answer(&mut claims, id, claim, &installed);
            assert_eq!(answer.refused, [].into(), "{id}");
        }
        // It does not have to be the only one, and is in the way of one that has to be.
        let in_the_way = [(cluster(2), uid(4))];
        assert_eq!(refused(&mut claims, 5, &[2], &installed), in_the_way);
    }

    #[test]
    fn a_cluster_is_free_when_its_holder_is_gone_and_those_who_wait_are_told() {
        let mut claims = Claims::default();
        let first = rows(&[(1, &[1])]);
        refused(&mut claims, 1, &[1], &first);
        refused(&mut claims, 2, &[1], &first);
        assert_eq!(claims.withdraw(&uid(1)), [uid(2)].into());
        assert_eq!(claims.withdraw(&uid(1)), [].into(), "once");
        let waits = [(cluster(1), uid(1))];
        assert_eq!(refused(&mut claims, 2, &[1], &first), waits);
        assert_eq!(claims.rivals(&uid(1)), [uid(2)].into());
        assert_eq!(refused(&mut claims, 2, &[1], &Rows::new()), []);
        assert_eq!(claims.forget(&uid(1)), [uid(2)].into());
        assert!(!claims.is_known(&uid(1)));
    }

    #[test]
    fn a_claim_that_is_what_it_was_concerns_nobody() {
        let (mut claims, nothing) = (Claims::default(), Rows::new());
        for id in [1, 2] {
            answer(&mut claims, id, lamp(id, &[1]), &nothing);
        }
        let same = answer(&mut claims, 1, lamp(1, &[1]), &nothing);
        assert_eq!(same.concerned, [].into());
    }

    proptest! {
        /// Packages claim in any order; what is granted is installed sooner or later, or the hub starts anew before.
        #[test]
        fn no_two_packages_are_installed_where_each_has_to_be_the_only_one(
            steps in prop::collection::vec((1..4_u8, any::<[bool; 3]>(), 0..4_u8), 1..60),
        ) {
            let (mut claims, mut installed) = (Claims::default(), Rows::new());
            for (id, wants, then) in steps {
                let wanted: Vec<u8> = (1..4).filter(|at| wants[usize::from(at - 1)]).collect();
                let answer = answer(&mut claims, id, lamp(id, &wanted), &installed);
                if then > 1 {
                    let granted = clusters(&wanted).into_iter();
                    let granted = granted.filter(|it| !answer.refused.contains_key(it));
                    installed.insert(uid(id), granted.collect());
                }
                for at in 1..4 {
                    let holders = installed.values().filter(|rows| rows.contains(&cluster(at)));
                    prop_assert!(holders.count() <= 1);
                }
                if then == 0 {
                    // A hub that starts anew plans every package that is installed before it trusts a claim.
                    claims = Claims::default();
                    for package in installed.keys() {
                        let id = package.as_bytes()[0];
                        let rows = installed.clone();
                        let has = |uid: &PackageUid, on: &ClusterUid| {
                            rows.get(uid).is_some_and(|rows| rows.contains(on))
                        };
                        claims.claim(*package, lamp(id, &[]), &has);
                    }
                }
            }
        }
    }
}
