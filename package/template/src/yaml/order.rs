//! The order in which the keys of a map are written.

use std::cmp::Ordering;

/// A key of a map, ordered as it is written: numbers in it count as numbers, letters come last.
#[derive(PartialEq, Eq)]
pub(super) struct Key(pub(super) String);

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (
            sorts_before(&self.0, &other.0),
            sorts_before(&other.0, &self.0),
        ) {
            (true, _) => Ordering::Less,
            (_, true) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}

/// `Less` of the original. Where numbers are too large for it, it is no order: nothing here may rely on one.
fn sorts_before(a: &str, b: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let same = left.iter().zip(&right).take_while(|(l, r)| l == r).count();
    let (Some(l), Some(r)) = (left.get(same), right.get(same)) else {
        return left.len() < right.len();
    };
    match (l.is_alphabetic(), r.is_alphabetic()) {
        (true, true) => return l < r,
        (false, false) => {}
        (_, letter) => return letter,
    }
    let mut start = 0;
    if *l == '0' || *r == '0' {
        let before = left[..same]
            .iter()
            .rev()
            .take_while(|letter| letter.is_ascii_digit());
        start = i64::from(before.into_iter().any(|letter| *letter != '0'));
    }
    let ((left_number, left_end), (right_number, right_end)) =
        (digits(&left, same, start), digits(&right, same, start));
    if left_number != right_number {
        return left_number < right_number;
    }
    if left_end != right_end {
        return left_end < right_end;
    }
    l < r
}

/// The number that stands at `from`, after `start`, and where it ends.
fn digits(letters: &[char], from: usize, start: i64) -> (i64, usize) {
    let run = letters[from..]
        .iter()
        .map_while(|letter| letter.to_digit(10));
    run.fold((start, from), |(number, end), digit| {
        (
            number.wrapping_mul(10).wrapping_add(i64::from(digit)),
            end + 1,
        )
    })
}
