//! The words of a difference, for people.

use serde_json::Value;
use stevedore_package::diff::{
    Change, Difference, FieldChange, Group, ManifestDifference, PhaseTitle,
};

use crate::terminal::{WIDTH, cut, escaped};

/// The most objects of one group, and fields of one group or file, that are written out.
const OBJECTS: usize = 20;
const FIELDS: usize = 30;
/// The most lines of a text that are shown, and how much of a line stands before what differs.
const LINES: usize = 8;
const BEFORE: usize = 24;

/// Everything that differs, in lines that fit.
pub(super) fn lines(manifest: &ManifestDifference, content: &Difference) -> Vec<String> {
    let mut lines = Vec::new();
    for (sign, names) in [
        ('+', &manifest.components_added),
        ('-', &manifest.components_removed),
    ] {
        let names = names
            .iter()
            .map(|name| format!("{sign} component {}", escaped(name)));
        lines.extend(names);
    }
    for file in &manifest.files {
        lines.push(format!("~ {}", escaped(&file.file)));
        fields(&file.fields, 0, &mut lines);
    }
    if let Some(phases) = &content.phases {
        lines.push("~ phases with objects".to_owned());
        let list = |phases: &[PhaseTitle]| {
            let titles: Vec<String> = phases.iter().map(title).collect();
            cut(&escaped(&titles.join(", ")), WIDTH - 6)
        };
        lines.push(format!("    - {}", list(&phases.before)));
        lines.push(format!("    + {}", list(&phases.after)));
    }
    if content.probes {
        lines.push("~ probes of objects".to_owned());
    }
    for it in &content.objects {
        group(it, &mut lines);
    }
    if lines.is_empty() {
        lines.push("no difference".to_owned());
    }
    lines
}

fn title(phase: &PhaseTitle) -> String {
    match &phase.class {
        Some(class) => format!("{} (class {class})", phase.name),
        None => phase.name.clone(),
    }
}

fn group(group: &Group, lines: &mut Vec<String>) {
    let what = match &group.objects[..] {
        [only] => only.to_string(),
        many => format!("{} objects", many.len()),
    };
    lines.push(escaped(&match &group.change {
        Change::Added { phase } => format!("+ {what} in phase {phase}"),
        Change::Removed { phase } => format!("- {what} in phase {phase}"),
        Change::Changed { phase: None, .. } => format!("~ {what}"),
        Change::Changed {
            phase: Some(phase), ..
        } => format!("~ {what} from phase {} to {}", phase.before, phase.after),
    }));
    if group.objects.len() > 1 {
        for name in group.objects.iter().take(OBJECTS) {
            lines.push(format!("  {}", escaped(&name.to_string())));
        }
    }
    let more = group.objects.len().saturating_sub(OBJECTS);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    if let Change::Changed {
        fields: changes,
        more,
        ..
    } = &group.change
    {
        fields(changes, *more, lines);
    }
}

fn fields(changes: &[FieldChange], more: usize, lines: &mut Vec<String>) {
    for change in changes.iter().take(FIELDS) {
        lines.push(format!("    {}", escaped(&change.field)));
        let (before, after) = (change.before.as_ref(), change.after.as_ref());
        // A value that is hidden, before and now.
        if let (Some(Value::String(one)), true) = (before, before == after) {
            lines.push(format!("      {one}"));
            continue;
        }
        for (sign, lines_of) in ['-', '+'].into_iter().zip(values(before, after)) {
            lines.extend(lines_of.iter().map(|line| format!("      {sign} {line}")));
        }
    }
    let more = more + changes.len().saturating_sub(FIELDS);
    if more > 0 {
        lines.push(format!("    and {more} more fields; -o json tells more"));
    }
}

/// What is shown of both values: of texts with several lines those that differ, and of anything else JSON.
fn values(before: Option<&Value>, after: Option<&Value>) -> [Vec<String>; 2] {
    if let (Some(Value::String(one)), Some(Value::String(other))) = (before, after)
        && (one.contains('\n') || other.contains('\n'))
    {
        return texts(one, other);
    }
    let json = |value: Option<&Value>| value.map(Value::to_string);
    let (one, other) = (json(before), json(after));
    let shown = match (&one, &other) {
        (Some(one), Some(other)) => pair(one, other).map(Some),
        _ => [one, other].map(|it| it.map(|it| fitting(&it, 0))),
    };
    shown.map(|it| it.into_iter().collect())
}

/// The lines between those that two texts have in common at their beginning and at their end.
fn texts(one: &str, other: &str) -> [Vec<String>; 2] {
    let split = |text: &str| -> Vec<String> { text.split('\n').map(str::to_owned).collect() };
    let (one, other) = (split(one), split(other));
    let same = one
        .iter()
        .zip(&other)
        .take_while(|(one, other)| one == other);
    let same = same.count();
    let (one, other) = (&one[same..], &other[same..]);
    let ends = one.iter().rev().zip(other.iter().rev());
    let ends = ends.take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[..one.len() - ends], &other[..other.len() - ends]);
    if let ([one], [other]) = (one, other) {
        return pair(one, other).map(|line| vec![format!("line {}: {line}", same + 1)]);
    }
    [one, other].map(|lines| {
        let numbered = lines.iter().enumerate().take(LINES);
        let shown =
            numbered.map(|(at, line)| format!("line {}: {}", same + at + 1, fitting(line, 0)));
        let mut shown: Vec<String> = shown.collect();
        if lines.len() > LINES {
            shown.push(format!("and {} more lines", lines.len() - LINES));
        }
        shown
    })
}

/// Two lines that differ, cut so that it can be seen where.
fn pair(one: &str, other: &str) -> [String; 2] {
    let letters = one.chars().zip(other.chars());
    let same = letters.take_while(|(one, other)| one == other).count();
    let longest = one.chars().count().max(other.chars().count());
    let from = match longest > ROOM {
        true => same.saturating_sub(BEFORE),
        false => 0,
    };
    [one, other].map(|line| fitting(line, from))
}

/// Columns for a value, beside its indentation and the number of its line.
const ROOM: usize = WIDTH - 22;

/// A line from one of its characters on, that fits.
fn fitting(line: &str, from: usize) -> String {
    let rest: String = line.chars().skip(from).take(4 * WIDTH).collect();
    let rest = escaped(&rest);
    match from {
        0 => cut(&rest, ROOM),
        _ => cut(&format!("…{rest}"), ROOM),
    }
}

#[cfg(test)]
mod tests;
