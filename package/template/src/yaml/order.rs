//! The order in which the keys of a map are written.

use std::cmp::Ordering;

/// A key of a map, ordered as it is written: numbers in it count as numbers, letters come last. Where numbers overflow
/// it is no order, as in the original, so that nothing here may rely on one.
#[derive(PartialEq, Eq)]
pub(super) struct Key(pub(super) String);

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, other) = (self.0.as_str(), other.0.as_str());
        let mut pairs = one.char_indices().zip(other.chars());
        let Some(((same, left), right)) = pairs.find(|((_, left), right)| left != right) else {
            return one.len().cmp(&other.len());
        };
        match (left.is_alphabetic(), right.is_alphabetic()) {
            (true, true) => return left.cmp(&right),
            (false, true) => return Ordering::Less,
            (true, false) => return Ordering::Greater,
            (false, false) => {}
        }
        // A zero inside of a number counts, one that leads does not.
        let mut before = one[..same].chars().rev().take_while(char::is_ascii_digit);
        let is_inside = (left == '0' || right == '0') && before.any(|digit| digit != '0');
        let start = i64::from(is_inside);
        let numbers = digits(&one[same..], start).cmp(&digits(&other[same..], start));
        numbers.then(left.cmp(&right))
    }
}

/// The number that a text begins with, after `start`, and how many digits it has.
fn digits(text: &str, start: i64) -> (i64, usize) {
    let run = text.chars().map_while(|letter| letter.to_digit(10));
    run.fold((start, 0), |(number, count), digit| {
        let number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
        (number, count + 1)
    })
}
