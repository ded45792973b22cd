//! The drawing of trees with lines, for people.

use crate::terminal::wrapped;

/// Something with things below it.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    title: String,
    /// What is said of it, a paragraph each.
    notes: Vec<String>,
    below: Vec<Drawn>,
}

impl Drawn {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// The same, with a paragraph more.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(super) fn push(&mut self, below: Drawn) {
        self.below.push(below);
    }

    /// Whether nothing is below it.
    pub(super) fn is_bare(&self) -> bool {
        self.below.is_empty()
    }

    /// All of it, in lines that are broken between words to have at most so many characters.
    pub(super) fn lines(&self, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        self.draw("", "", most, &mut lines);
        lines
    }

    /// `first` is what stands before its first line, `rest` before all others, also of what is below.
    fn draw(&self, first: &str, rest: &str, most: usize, lines: &mut Vec<String>) {
        let width = |indent: &str| most.saturating_sub(indent.chars().count());
        // The line to what is below goes past what is said of it.
        let past = match self.below.is_empty() {
            true => format!("{rest}    "),
            false => format!("{rest}│   "),
        };
        for (at, line) in wrapped(&self.title, width(&past)).iter().enumerate() {
            let indent = if at == 0 { first } else { &past };
            lines.push(format!("{indent}{line}"));
        }
        for note in &self.notes {
            let wrapped = wrapped(note, width(&past));
            lines.extend(wrapped.iter().map(|line| format!("{past}{line}")));
        }
        let last = self.below.len().saturating_sub(1);
        for (at, below) in self.below.iter().enumerate() {
            let (corner, line) = if at == last {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            };
            let (first, rest) = (format!("{rest}{corner}"), format!("{rest}{line}"));
            below.draw(&first, &rest, most, lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::WIDTH;

    #[test]
    fn lines_lead_from_each_thing_to_what_is_below_it() {
        let mut one = Drawn::new("one").note("said of one");
        one.push(Drawn::new("a").note("said of a"));
        let mut all = Drawn::new("all");
        all.push(one);
        all.push(Drawn::new("two").note("said of two"));
        let expected = "\
all
├── one
│   │   said of one
│   └── a
│           said of a
└── two
        said of two";
        assert_eq!(all.lines(WIDTH).join("\n"), expected);
    }

    #[test]
    fn a_line_fits_where_words_allow_it_however_deep_it_is() {
        let mut all = Drawn::new("0");
        let words = "word ".repeat(60);
        for depth in 1..8 {
            let mut outer = Drawn::new(depth.to_string()).note(words.trim_end());
            outer.push(all);
            outer.push(Drawn::new(words.trim_end()));
            all = outer;
        }
        let lines = all.lines(WIDTH);
        let longest = lines.iter().map(|line| line.chars().count()).max();
        assert!(
            longest > Some(WIDTH - 5) && longest <= Some(WIDTH),
            "{longest:?}"
        );
    }
}
