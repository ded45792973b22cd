//! Invalid packages: everything that is wrong with one, as far as it is told.

use std::collections::BTreeSet;
use std::fmt;

use super::{Reason, Rendering, Violation};
use crate::field::Field;
use crate::limit;
use crate::rest::{Mark, Rest};
use crate::warning::Warnings;

/// Everything that is wrong with a package; at least one violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    violations: Vec<Violation>,
    /// Those beyond the limit: the same may be found in another rendering.
    more: Rest,
    warnings: Warnings,
}

impl Invalid {
    /// `Ok` when there are none. At most [`limit::VIOLATIONS`] are kept, what is too costly first.
    ///
    /// # Errors
    /// When there are violations.
    pub fn check(violations: Vec<Violation>) -> Result<(), Invalid> {
        if violations.is_empty() {
            return Ok(());
        }
        let mut invalid = Invalid {
            violations,
            more: Rest::default(),
            warnings: Warnings::default(),
        };
        invalid.shorten();
        Err(invalid)
    }

    /// What is wrong, of which there is something.
    pub(crate) fn of(violations: Vec<Violation>) -> Self {
        Self::check(violations).expect_err("at least one violation")
    }

    fn shorten(&mut self) {
        let violations = &mut self.violations;
        violations.sort_by_key(|violation| violation.reason != Reason::TooCostly);
        if violations.len() > limit::VIOLATIONS {
            let rest = violations.split_off(limit::VIOLATIONS);
            rest.iter().for_each(|it| self.more.add(mark(it)));
        }
    }

    /// The same, with all that the author should look at besides.
    #[must_use]
    pub(crate) fn with_warnings(self, warnings: &Warnings) -> Self {
        let warnings = warnings.clone();
        Invalid { warnings, ..self }
    }

    /// The same, found in a rendering.
    #[must_use]
    pub(crate) fn found_in(mut self, rendering: &Rendering) -> Self {
        for violation in &mut self.violations {
            violation.rendering = Some(Box::new(rendering.clone()));
        }
        self
    }

    /// The same, with what else is wrong.
    #[must_use]
    pub(crate) fn and(mut self, other: Invalid) -> Self {
        self.merge(other);
        self
    }

    /// Adds what is not known yet, what is too costly first. What was found in several renderings is told of the first
    /// one.
    pub(crate) fn merge(&mut self, other: Invalid) {
        let mut known: BTreeSet<Mark> = self.violations.iter().map(mark).collect();
        for violation in other.violations {
            let mark = mark(&violation);
            if known.insert(mark) && !self.more.has(mark) {
                self.violations.push(violation);
            }
        }
        let unknown = other.more.marks().filter(|mark| !known.contains(mark));
        unknown.for_each(|mark| self.more.add(mark));
        self.warnings.extend(&other.warnings);
        self.shorten();
    }

    /// Those that break this rule, as far as they are kept, and the others, if there are some.
    pub(crate) fn split(mut self, reason: Reason) -> (Vec<Violation>, Option<Invalid>) {
        let all = std::mem::take(&mut self.violations).into_iter();
        let (of_reason, others) = all.partition(|it| it.reason == reason);
        self.violations = others;
        let has_others = !self.violations.is_empty() || self.more() > 0;
        (of_reason, has_others.then_some(self))
    }

    /// Whether nothing is wrong but that labels of a cluster are missing.
    pub fn lacks_label(&self) -> bool {
        self.is_all(Reason::ClusterLabelMissing)
    }

    /// How many more there are than are kept.
    pub fn more(&self) -> usize {
        self.more.count()
    }

    /// What the author should look at besides, as far as it was found.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// The same, in a component.
    #[must_use]
    pub(crate) fn in_component(mut self, component: &str) -> Self {
        let violations = std::mem::take(&mut self.violations).into_iter();
        self.violations = violations.map(|it| it.in_component(component)).collect();
        self.more = self.more.in_component(component);
        self.warnings = self.warnings.in_component(component);
        self
    }

    /// The same, said of the document that asked for it where no file is known.
    #[must_use]
    pub(crate) fn asked_at(mut self, path: &str, index: usize) -> Self {
        for violation in self.violations.iter_mut().filter(|it| it.path.is_none()) {
            violation.path = Some(path.to_owned());
            violation.index = u32::try_from(index).ok();
            if violation.reason == Reason::ConfigInvalid {
                violation.field = Some(Box::new(Field::of(&["spec", "config"])));
            }
        }
        self
    }

    /// Whether nothing else than this rule is broken.
    pub(crate) fn is_all(&self, reason: Reason) -> bool {
        self.more() == 0 && self.violations.iter().all(|it| it.reason == reason)
    }

    /// Whether it is too costly: other violations may not have been found then.
    pub fn is_too_costly(&self) -> bool {
        let first = self.violations.first();
        first.is_some_and(|violation| violation.reason == Reason::TooCostly)
    }

    /// The violations, in the order they were found.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

/// What tells a violation from others, in whatever rendering it is found.
fn mark(violation: &Violation) -> Mark {
    let Violation {
        reason,
        // The path says it.
        component: _,
        path,
        index,
        position,
        field,
        rendering: _,
        details,
    } = violation;
    Mark::of(path.as_deref(), (reason, index, position, field, details))
}

impl IntoIterator for Invalid {
    type Item = Violation;
    type IntoIter = std::vec::IntoIter<Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.violations.into_iter()
    }
}

impl From<Violation> for Invalid {
    fn from(violation: Violation) -> Self {
        Invalid::of(vec![violation])
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, violation) in self.violations.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        if self.more() > 0 {
            write!(f, "; and {} more", self.more())?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::violation::RenderedFrom;
    use crate::warning::{Warning, WarningReason};

    fn numbered(numbers: std::ops::Range<usize>) -> Invalid {
        let violation = |number| Violation::new(Reason::Duplicate, format!("object {number}"));
        let violations = numbers.map(|number| violation(number).in_file("a.yaml"));
        Invalid::of(violations.collect())
    }

    fn case(name: &str) -> Rendering {
        Rendering {
            component: None,
            from: RenderedFrom::Case(name.to_owned()),
        }
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted_once_however_often_it_is_found() {
        let mut all = numbered(0..limit::VIOLATIONS + 7).found_in(&case("one"));
        assert_eq!((all.violations().len(), all.more()), (limit::VIOLATIONS, 7));
        all.merge(numbered(0..limit::VIOLATIONS + 7).found_in(&case("two")));
        assert_eq!((all.violations().len(), all.more()), (limit::VIOLATIONS, 7));
        // In another order: what was kept then is counted now, and the other way round.
        all.merge(numbered(5..limit::VIOLATIONS + 10).found_in(&case("three")));
        assert_eq!(
            (all.violations().len(), all.more()),
            (limit::VIOLATIONS, 10)
        );
        assert!(all.violations().iter().all(|it| it.case() == Some("one")));
        assert!(all.to_string().ends_with("; and 10 more"), "{all}");
    }

    #[test]
    fn what_is_counted_of_a_component_is_known_where_it_is_kept() {
        let of = |numbers, component| numbered(numbers).in_component(component);
        let mut all = of(0..limit::VIOLATIONS + 3, "bulb");
        all.merge(of(limit::VIOLATIONS..limit::VIOLATIONS + 3, "bulb"));
        assert_eq!(all.more(), 3);
        all.merge(of(limit::VIOLATIONS..limit::VIOLATIONS + 3, "wick"));
        assert_eq!(all.more(), 6);
    }

    #[test]
    fn what_is_too_costly_comes_first() {
        let mut all = numbered(0..limit::VIOLATIONS);
        all.merge(Violation::new(Reason::TooCostly, "steps").into());
        assert!(all.is_too_costly());
        assert_eq!((all.violations().len(), all.more()), (limit::VIOLATIONS, 1));
    }

    #[test]
    fn warnings_of_a_component_have_its_paths() {
        let mut warnings = Warnings::default();
        let warning = Warning::new(WarningReason::Word, "", "").in_file("a.yaml");
        warnings.add(warning);
        let invalid = numbered(0..1).with_warnings(&warnings).in_component("bulb");
        let path = invalid.warnings().list()[0].path.as_deref();
        assert_eq!(path, Some("components/bulb/a.yaml"));
    }
}
