//! The texts of a rendering: what templates write, and what a filter leaves of every file of objects.

use std::collections::{BTreeMap, BTreeSet};

use stevedore_template::budget::Budget;
use stevedore_template::yaml::{self, Documents};

use super::context::Context;
use super::filter::Filtered;
use super::reads::Reads;
use crate::files::holds_objects;
use crate::limit;
use crate::object::condition;
use crate::package::Package;
use crate::violation::{Invalid, Violation};

/// What separates documents in a file that was put together again.
const SEPARATOR: &str = "\n---\n";

/// What a filter leaves of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Left {
    /// The file without the objects that are left out; none if nothing remains.
    pub(crate) text: Option<String>,
    /// The file as Package Operator has it, where that takes other documents out: it counts objects, and takes the
    /// documents of these numbers, empty ones counted.
    pub(crate) as_original: Option<String>,
}

impl Package {
    /// What the templates of a part write that do not fail, by the path it is stored under.
    ///
    /// # Errors
    /// When a condition fails.
    pub(crate) fn written(
        &self,
        context: &Context,
        budget: &mut Budget,
    ) -> Result<BTreeMap<String, String>, Invalid> {
        self.with_part(context.component(), |part| {
            let mut reads = Reads::default();
            let filtered = Filtered::new(part, context, budget, &mut reads)?;
            let written = part.execute(context, &filtered, budget, &mut reads);
            let texts = written.texts.into_iter();
            Ok(texts.map(|(path, text)| (path.to_owned(), text)).collect())
        })
    }

    /// What is left of every file of a part in which there are objects.
    ///
    /// # Errors
    /// When a template or a condition fails, or a file is no YAML.
    pub(crate) fn left(&self, context: &Context) -> Result<BTreeMap<String, Left>, Invalid> {
        let mut budget = limit::render_budget();
        self.with_part(context.component(), |part| {
            let mut reads = Reads::default();
            let filtered = Filtered::new(part, context, &mut budget, &mut reads)?;
            let written = part.execute(context, &filtered, &mut budget, &mut reads);
            Invalid::check(written.violations)?;
            let written = written.texts;
            let plain = part.plain().files.iter().map(|(path, _)| path.as_str());
            let mut texts: BTreeMap<&str, &str> = plain
                .filter_map(|path| Some((path, part.text(path)?)))
                .collect();
            let objects = written.iter().filter(|(path, _)| holds_objects(path));
            texts.extend(objects.map(|(path, text)| (*path, text.as_str())));
            let mut all = BTreeMap::new();
            for (path, text) in texts {
                let left = left(path, text, &filtered, &mut budget)?;
                all.extend(left.map(|left| (path.to_owned(), left)));
            }
            Ok(all)
        })
    }
}

/// What is left of one file; nothing if it has no objects.
fn left(
    path: &str,
    text: &str,
    filtered: &Filtered<'_>,
    budget: &mut Budget,
) -> Result<Option<Left>, Violation> {
    let is_left_out = filtered.leaves_out(path, budget)?.is_some();
    let conditions = &filtered.conditions;
    let mut documents = Documents::new(path, text.as_bytes());
    let (mut count, mut numbers, mut lines) = (0, BTreeSet::new(), BTreeSet::new());
    let unreadable = |why| Violation::unreadable(path, why);
    while let Some(document) = documents.next_within(budget).map_err(unreadable)? {
        count += 1;
        let Some(condition) = condition::of(&document.value).filter(|_| !is_left_out) else {
            continue;
        };
        let at = |(reason, details)| Violation::new(reason, details).at(path, document.index);
        let condition = conditions.compile(condition, budget).map_err(at)?;
        if !conditions.holds(&condition, budget).map_err(at)? {
            numbers.insert(count - 1);
            lines.insert(document.line);
        }
    }
    if count == 0 {
        return Ok(None);
    }
    if is_left_out {
        return Ok(Some(Left::default()));
    }
    if numbers.is_empty() {
        return Ok(Some(Left {
            text: Some(text.to_owned()),
            as_original: None,
        }));
    }
    let parts = parts(text);
    let is_kept = |line: usize, text: &str| text.is_empty() || !lines.contains(&line);
    let kept = parts.iter().filter(|(line, text)| is_kept(*line, text));
    let kept = joined(kept.map(|(_, text)| *text)).filter(|_| numbers.len() < count);
    let others = parts.iter().enumerate();
    let others = others.filter(|(number, _)| !numbers.contains(number));
    let as_original = joined(others.map(|(_, (_, text))| *text));
    Ok(Some(Left {
        as_original: as_original.filter(|text| kept.as_ref() != Some(text)),
        text: kept,
    }))
}

/// The documents of a text, without empty ones at its ends.
fn parts(text: &str) -> Vec<(usize, &str)> {
    let mut parts: Vec<_> = yaml::texts(text).collect();
    while parts.last().is_some_and(|(_, text)| text.is_empty()) {
        parts.pop();
    }
    let first = parts.iter().position(|(_, text)| !text.is_empty());
    parts.split_off(first.unwrap_or(0))
}

/// One text of several documents; none if nothing is in them.
fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> Option<String> {
    let texts: Vec<&str> = texts.collect();
    let is_empty = texts.iter().all(|text| text.is_empty());
    (!is_empty).then(|| format!("{}\n", texts.join(SEPARATOR)))
}
