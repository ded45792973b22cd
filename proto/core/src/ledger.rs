//! Rows of a ledger as bytes: what the hub stores, and what the command line shows.
//!
//! Decoding is total: any bytes give rows or an error, never a panic.

use crate::id::ClusterUid;

/// Bytes of one stored [`Row`].
pub const ROW: usize = 29;
/// Bytes of one stored [`ObservedRow`].
pub const OBSERVED_ROW: usize = 25;
/// Most rows in one shard.
pub const MAX_ROWS: usize = 250;
/// Most distinct contents in one shard: the one ordered and the one before, of every row.
pub const MAX_CONTENTS: usize = 2 * MAX_ROWS;

const NO_PREVIOUS: u16 = u16::MAX;
const TOMBSTONE: u8 = 1;
const DISRUPTIVE: u8 = 2;
const FLAGS: u8 = TOMBSTONE | DISRUPTIVE;

/// What one cluster was ordered to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    /// The cluster.
    pub cluster: ClusterUid,
    /// The order number.
    pub number: u64,
    /// Index into the shard's contents: what was ordered; of a tombstone, what it tears down.
    pub content: u16,
    /// Index of the content ordered before.
    pub previous: Option<u16>,
    /// Whether the order is a tombstone.
    pub tombstone: bool,
    /// Whether the order changes what was available when it was given.
    pub disruptive: bool,
}

/// How far a cluster was seen to be. More states may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ObservedState {
    /// Nothing was reported for the order.
    Unknown = 0,
    /// Durable on the member.
    Received = 1,
    /// Every object written.
    Applied = 2,
    /// Every probe passes.
    Available = 3,
    /// A blocker or a failing probe.
    Failing = 4,
    /// The member refused the order.
    Refused = 5,
    /// What the member holds does not fit the hub's history.
    Frozen = 6,
    /// Torn down.
    Deleted = 7,
}

/// What one cluster reported last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObservedRow {
    /// The cluster.
    pub cluster: ClusterUid,
    /// The order number it spoke about.
    pub number: u64,
    /// How far it was.
    pub state: ObservedState,
}

/// Bytes that are not rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a whole number of rows.
    #[error("{0} bytes are not a whole number of ledger rows")]
    Length(usize),
    /// A row has flags or a state that this release does not know.
    #[error("row {0} of a ledger was written by a newer release")]
    Newer(usize),
    /// A row names a content that the ledger does not have.
    #[error("row {0} of a ledger names a content that it does not have")]
    Content(usize),
}

/// Packs rows, in the order given.
pub fn encode<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        out.extend_from_slice(row.cluster.as_bytes());
        out.extend_from_slice(&row.number.to_be_bytes());
        out.extend_from_slice(&row.content.to_be_bytes());
        out.extend_from_slice(&row.previous.unwrap_or(NO_PREVIOUS).to_be_bytes());
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        out.push(flag(row.tombstone, TOMBSTONE) | flag(row.disruptive, DISRUPTIVE));
    }
    out
}

/// Unpacks rows that name contents below `contents`.
///
/// # Errors
/// When the bytes are not rows, or a row names a content that is not there.
pub fn decode(bytes: &[u8], contents: usize) -> Result<Vec<Row>, Error> {
    let (rows, rest) = bytes.as_chunks::<ROW>();
    if !rest.is_empty() {
        return Err(Error::Length(bytes.len()));
    }
    let decode = |(at, row): (usize, &[u8; ROW])| {
        let index = |from: usize| u16::from_be_bytes(part(row, from));
        let exists = |index: u16| usize::from(index) < contents;
        let previous = Some(index(26)).filter(|index| *index != NO_PREVIOUS);
        if !exists(index(24)) || previous.is_some_and(|index| !exists(index)) {
            return Err(Error::Content(at));
        }
        if row[28] & !FLAGS != 0 {
            return Err(Error::Newer(at));
        }
        Ok(Row {
            cluster: ClusterUid::from_bytes(part(row, 0)),
            number: u64::from_be_bytes(part(row, 16)),
            content: index(24),
            previous,
            tombstone: row[28] & TOMBSTONE != 0,
            disruptive: row[28] & DISRUPTIVE != 0,
        })
    };
    rows.iter().enumerate().map(decode).collect()
}

/// Packs observed rows, in the order given.
pub fn encode_observed<'a>(rows: impl IntoIterator<Item = &'a ObservedRow>) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        out.extend_from_slice(row.cluster.as_bytes());
        out.extend_from_slice(&row.number.to_be_bytes());
        out.push(row.state as u8);
    }
    out
}

/// Unpacks observed rows.
///
/// # Errors
/// When the bytes are not observed rows.
pub fn decode_observed(bytes: &[u8]) -> Result<Vec<ObservedRow>, Error> {
    let (rows, rest) = bytes.as_chunks::<OBSERVED_ROW>();
    if !rest.is_empty() {
        return Err(Error::Length(bytes.len()));
    }
    let decode = |(at, row): (usize, &[u8; OBSERVED_ROW])| {
        Ok(ObservedRow {
            cluster: ClusterUid::from_bytes(part(row, 0)),
            number: u64::from_be_bytes(part(row, 16)),
            state: ObservedState::from_byte(row[24]).ok_or(Error::Newer(at))?,
        })
    };
    rows.iter().enumerate().map(decode).collect()
}

impl ObservedState {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Unknown,
            Self::Received,
            Self::Applied,
            Self::Available,
            Self::Failing,
            Self::Refused,
            Self::Frozen,
            Self::Deleted,
        ]
        .into_iter()
        .find(|state| *state as u8 == byte)
    }
}

/// `N` bytes of a row, which is longer than any part of it.
fn part<const N: usize>(row: &[u8], from: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&row[from..from + N]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row() -> impl Strategy<Value = Row> {
        (
            any::<[u8; 16]>(),
            any::<u64>(),
            0..500_u16,
            proptest::option::of(0..500_u16),
            any::<[bool; 2]>(),
        )
            .prop_map(
                |(cluster, number, content, previous, [tombstone, disruptive])| Row {
                    cluster: ClusterUid::from_bytes(cluster),
                    number,
                    content,
                    previous,
                    tombstone,
                    disruptive,
                },
            )
    }

    proptest! {
        #[test]
        fn rows_survive_packing(rows in prop::collection::vec(row(), 0..20)) {
            let bytes = encode(&rows);
            prop_assert!(bytes.len() <= 32 * rows.len());
            prop_assert_eq!(decode(&bytes, 500), Ok(rows));
        }

        #[test]
        fn any_bytes_give_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), contents in 0..9_usize) {
            if let Ok(rows) = decode(&bytes, contents) {
                prop_assert_eq!(encode(&rows), bytes.clone());
            }
            if let Ok(rows) = decode_observed(&bytes) {
                prop_assert_eq!(encode_observed(&rows), bytes);
            }
        }
    }

    #[test]
    fn a_row_that_names_a_missing_content_is_refused() {
        let row = Row {
            cluster: ClusterUid::from_bytes([1; 16]),
            number: 1,
            content: 1,
            previous: None,
            tombstone: false,
            disruptive: false,
        };
        assert_eq!(decode(&encode([&row]), 1), Err(Error::Content(0)));
        assert_eq!(decode(&encode([&row]), 2), Ok(vec![row]));
        assert_eq!(decode(&[0; 30], 1), Err(Error::Length(30)));
    }
}
