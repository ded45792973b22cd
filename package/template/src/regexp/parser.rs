//! The parser of expressions, by Go's grammar: a stack of groups, each with what stands in it so far.

use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, Look, Repetition,
};

use super::refused::{Refused, invalid};
use super::scanner::Scanner;
use crate::limit;

/// The largest count of a repetition, and product of nested ones.
const MAX_COUNT: u32 = 1_000;

/// An expression as a tree.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    /// Names of groups, and the groups.
    pub(super) names: Vec<(Box<str>, usize)>,
    /// Positions in it, with repetitions multiplied out: how many a search may follow at once, for each byte.
    pub(super) size: u64,
}

/// The tree of a pattern.
pub(super) fn parse(pattern: &str) -> Result<Parsed, Refused> {
    if pattern.len() > limit::REGEX_BYTES {
        return Err(Refused::too_large());
    }
    let mut parser = Parser {
        scanner: Scanner::new(pattern),
        flags: Flags::default(),
        outer: Vec::new(),
        group: Group::default(),
        names: Vec::new(),
        captures: 0,
        is_repeated: false,
    };
    parser.run()?;
    if !parser.outer.is_empty() {
        return invalid("missing closing )");
    }
    let Item { hir, measure } = parser.group.finish();
    Ok(Parsed {
        hir,
        names: parser.names,
        size: measure.size,
    })
}

/// A part of an expression that can be repeated.
struct Item {
    hir: Hir,
    measure: Measure,
}

#[derive(Clone, Copy, Default)]
struct Measure {
    size: u64,
    /// The product of the counts of repetitions that are nested in each other, the largest of them; zero for one.
    count: u32,
    /// How deeply groups and repetitions are nested.
    depth: u32,
}

/// What a group holds up to here.
#[derive(Default)]
struct Group {
    /// What it captures as; none where it does not.
    capture: Option<u32>,
    /// The flags around it.
    flags: Flags,
    alternatives: Vec<Hir>,
    items: Vec<Item>,
    /// Of all alternatives but the last.
    measure: Measure,
}

impl Group {
    /// Ends an alternative.
    fn alternative(&mut self) {
        let mut sequence = Vec::new();
        for Item { hir, measure } in self.items.drain(..) {
            sequence.push(hir);
            self.measure.size = self.measure.size.saturating_add(measure.size);
            self.measure.count = self.measure.count.max(measure.count);
            self.measure.depth = self.measure.depth.max(measure.depth);
        }
        self.alternatives.push(Hir::concat(sequence));
    }

    fn finish(mut self) -> Item {
        self.alternative();
        self.measure.depth += 1;
        let sub = Box::new(Hir::alternation(self.alternatives));
        let hir = match self.capture {
            None => *sub,
            Some(index) => Hir::capture(Capture {
                index,
                name: None,
                sub,
            }),
        };
        Item {
            hir,
            measure: self.measure,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    /// `i`: characters that differ only in case are the same.
    fold: bool,
    /// `m`: `^` and `$` also stand for the ends of lines.
    lines: bool,
    /// `s`: `.` also stands for the end of a line.
    dot_all: bool,
    /// `U`: repetitions take as little as they can, and with `?` as much.
    lazy: bool,
}

struct Parser<'p> {
    scanner: Scanner<'p>,
    flags: Flags,
    /// The groups around, the innermost last.
    outer: Vec<Group>,
    group: Group,
    names: Vec<(Box<str>, usize)>,
    captures: u32,
    /// Whether what was read last is a repetition: Go allows none after it.
    is_repeated: bool,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), Refused> {
        while let Some(letter) = self.scanner.next() {
            let was_repeated = std::mem::take(&mut self.is_repeated);
            match letter {
                '\\' => self.escape()?,
                '[' => {
                    let class = self.scanner.bracketed(self.flags.fold)?;
                    self.class(class);
                }
                '(' => self.open()?,
                ')' => {
                    let Some(outer) = self.outer.pop() else {
                        return invalid("unexpected )");
                    };
                    let group = std::mem::replace(&mut self.group, outer);
                    self.flags = group.flags;
                    self.group.items.push(group.finish());
                }
                '|' => self.group.alternative(),
                '*' => self.repeat(was_repeated, 0, None)?,
                '+' => self.repeat(was_repeated, 1, None)?,
                '?' => self.repeat(was_repeated, 0, Some(1))?,
                '{' => match self.scanner.counts() {
                    Some((min, max)) => self.repeat(was_repeated, min, max)?,
                    None => self.literal(u32::from('{'))?,
                },
                '.' if self.flags.dot_all => self.single(Hir::dot(Dot::AnyChar)),
                '.' => self.single(Hir::dot(Dot::AnyCharExceptLF)),
                '^' if self.flags.lines => self.single(Hir::look(Look::StartLF)),
                '^' => self.single(Hir::look(Look::Start)),
                '$' if self.flags.lines => self.single(Hir::look(Look::EndLF)),
                '$' => self.single(Hir::look(Look::End)),
                _ => self.literal(u32::from(letter))?,
            }
        }
        Ok(())
    }

    fn single(&mut self, hir: Hir) {
        let measure = Measure {
            size: 1,
            ..Measure::default()
        };
        self.group.items.push(Item { hir, measure });
    }

    fn class(&mut self, class: ClassUnicode) {
        self.single(Hir::class(Class::Unicode(class)));
    }

    /// A character that stands for itself; no text has a surrogate.
    fn literal(&mut self, code: u32) -> Result<(), Refused> {
        let range = char::from_u32(code).map(|letter| ClassUnicodeRange::new(letter, letter));
        let class = ClassUnicode::new(range);
        let class = self.scanner.finished(class, self.flags.fold, false)?;
        self.class(class);
        Ok(())
    }

    fn repeat(&mut self, was_repeated: bool, min: u32, max: Option<u32>) -> Result<(), Refused> {
        let greedy = self.scanner.eat("?") == self.flags.lazy;
        if was_repeated {
            return invalid("invalid nested repetition operator");
        }
        let Some(Item { hir, mut measure }) = self.group.items.pop() else {
            return invalid("missing argument to repetition operator");
        };
        let most = max.unwrap_or(min);
        // A repetition without an upper bound counts its lower one.
        let factor = if max.is_none() { min.max(1) } else { most };
        measure.count = measure.count.max(1).saturating_mul(factor);
        if min.max(most) > MAX_COUNT || min > most || most > 1 && measure.count > MAX_COUNT {
            return invalid("invalid repeat count");
        }
        measure.size = measure.size.saturating_mul(u64::from(most.max(1)));
        measure.depth += 1;
        if measure.depth > limit::REGEX_NESTING {
            return Err(nested());
        }
        let hir = Hir::repetition(Repetition {
            min,
            max,
            greedy,
            sub: Box::new(hir),
        });
        self.group.items.push(Item { hir, measure });
        self.is_repeated = true;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Refused> {
        if let Some(class) = self
            .scanner
            .escaped_class(self.scanner.rest(), self.flags.fold)?
        {
            self.class(class);
            return Ok(());
        }
        let Some(letter) = self.scanner.next() else {
            return invalid("trailing backslash at end of expression");
        };
        match letter {
            'A' => self.single(Hir::look(Look::Start)),
            'z' => self.single(Hir::look(Look::End)),
            'b' => self.single(Hir::look(Look::WordAscii)),
            'B' => self.single(Hir::look(Look::WordAsciiNegate)),
            'Q' => {
                for letter in self.scanner.until("\\E").chars() {
                    self.literal(u32::from(letter))?;
                }
            }
            _ => {
                let code = self.scanner.escape(letter)?;
                self.literal(code)?;
            }
        }
        Ok(())
    }

    /// A group's opening, or flags for what is left of the one around.
    fn open(&mut self) -> Result<(), Refused> {
        if !self.scanner.eat("?") {
            return self.enter(self.flags, true);
        }
        if self.scanner.eat("P<") || self.scanner.eat("<") {
            let name = self.scanner.name()?;
            self.names.push((name.into(), self.captures as usize + 1));
            return self.enter(self.flags, true);
        }
        let mut flags = self.flags;
        let mut is_set = true;
        let mut is_complete = true;
        loop {
            match self.scanner.next() {
                Some('i') => flags.fold = is_set,
                Some('m') => flags.lines = is_set,
                Some('s') => flags.dot_all = is_set,
                Some('U') => flags.lazy = is_set,
                Some('-') if is_set => {
                    is_set = false;
                    is_complete = false;
                    continue;
                }
                Some(':') if is_complete => return self.enter(flags, false),
                Some(')') if is_complete => {
                    self.flags = flags;
                    return Ok(());
                }
                _ => return invalid("invalid or unsupported Perl syntax"),
            }
            is_complete = true;
        }
    }

    fn enter(&mut self, flags: Flags, is_capturing: bool) -> Result<(), Refused> {
        self.captures += u32::from(is_capturing);
        let group = Group {
            capture: is_capturing.then_some(self.captures),
            flags: std::mem::replace(&mut self.flags, flags),
            ..Group::default()
        };
        self.outer.push(std::mem::replace(&mut self.group, group));
        if self.outer.len() > limit::REGEX_NESTING as usize {
            return Err(nested());
        }
        Ok(())
    }
}

fn nested() -> Refused {
    let most = limit::REGEX_NESTING;
    Refused::Unsupported(format!("the regexp nests more than {most} deep"))
}
