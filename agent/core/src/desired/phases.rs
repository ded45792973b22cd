//! The phases of a content: who runs each, and which others each of them waits for.

use stevedore_proto_core::content::Phase;
use stevedore_proto_core::limit::PHASES;

/// A phase without its objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhaseHead {
    /// Its name.
    pub name: String,
    /// The component that it is a phase of.
    pub component: Option<String>,
    /// Who runs it, where the agent does not.
    pub delegated: Option<Delegated>,
}

/// A phase that somebody else would have to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegated {
    /// The class that is asked for.
    pub class: String,
    /// How many objects the phase has.
    pub objects: u32,
}

impl PhaseHead {
    /// Reads a phase.
    pub fn of(phase: &Phase) -> Self {
        let delegated = phase.delegated_to().map(|class| Delegated {
            class: class.to_owned(),
            objects: u32::try_from(phase.objects.len()).unwrap_or(u32::MAX),
        });
        Self {
            name: phase.name.clone(),
            component: phase.component.clone(),
            delegated,
        }
    }

    /// A phase of the root that the agent runs.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// A set of phases by position, which [`PHASES`] bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PhaseSet(u64);

const _: () = assert!(PHASES <= 64);

impl PhaseSet {
    /// Those of these positions; positions that no phase can have are left out.
    pub fn of(positions: impl IntoIterator<Item = usize>) -> Self {
        let mut set = Self::default();
        positions.into_iter().for_each(|at| set.insert(at));
        set
    }

    /// Adds one.
    pub fn insert(&mut self, at: usize) {
        if at < PHASES {
            self.0 |= 1 << at;
        }
    }

    /// Whether it is among them.
    pub fn contains(self, at: usize) -> bool {
        at < PHASES && self.0 & (1 << at) != 0
    }

    /// Whether all of these are among others.
    pub fn is_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }
}

/// For every phase those that have to be through before it begins.
///
/// A phase of the root and the phases of components that follow it begin together: each waits for all phases before the
/// first of them, and a phase of a component for the earlier ones of the same component.
pub fn waits_for(phases: &[PhaseHead]) -> Vec<PhaseSet> {
    let mut begin = 0;
    let mut waits = Vec::with_capacity(phases.len());
    for (at, phase) in phases.iter().enumerate() {
        if phase.component.is_none() {
            begin = at;
        }
        let same = |other: &usize| {
            phase.component.is_some() && phases[*other].component == phase.component
        };
        waits.push(PhaseSet::of((0..begin).chain((begin..at).filter(same))));
    }
    waits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(components: &[Option<&str>]) -> Vec<PhaseHead> {
        let head = |component: &Option<&str>| PhaseHead {
            component: component.map(str::to_owned),
            ..PhaseHead::default()
        };
        components.iter().map(head).collect()
    }

    fn waits(components: &[Option<&str>]) -> Vec<Vec<usize>> {
        let all = waits_for(&phases(components)).into_iter();
        all.map(|set| (0..64).filter(|at| set.contains(*at)).collect())
            .collect()
    }

    #[test]
    fn phases_of_a_root_wait_for_all_before_them() {
        let expected = [vec![], vec![0], vec![0, 1]];
        assert_eq!(waits(&[None, None, None]), expected);
    }

    #[test]
    fn components_of_one_phase_wait_for_neither_each_other_nor_the_phases_own_objects() {
        let found = waits(&[
            None,
            None,
            Some("bulb"),
            Some("bulb"),
            Some("horn"),
            None,
            Some("bulb"),
        ]);
        let before: Vec<usize> = vec![0];
        assert_eq!(found[1], before);
        assert_eq!(found[2], before);
        assert_eq!(found[3], [0, 2], "its own earlier phase");
        assert_eq!(found[4], before, "not for the other component");
        assert_eq!(found[5], [0, 1, 2, 3, 4], "the next phase waits for all");
        assert_eq!(found[6], [0, 1, 2, 3, 4]);
    }

    #[test]
    fn components_of_the_first_phase_may_begin_at_once() {
        let none: [Vec<usize>; 2] = [vec![], vec![]];
        assert_eq!(waits(&[Some("bulb"), Some("horn")]), none);
    }

    #[test]
    fn the_last_phase_that_a_set_may_have_is_counted_and_no_other() {
        let mut set = PhaseSet::of([63, 64, 1_000]);
        assert!(set.contains(63) && !set.contains(64) && !set.contains(1_000));
        assert!(PhaseSet::default().is_within(set) && !set.is_within(PhaseSet::default()));
        set.insert(0);
        assert!(PhaseSet::of([0]).is_within(set));
    }
}
