//! The budget of an image: what its layers unpack to, counted while they are read.

use std::cell::Cell;
use std::io::{self, Read};

use super::error::UnpackError;
use crate::limit;

/// What all layers unpack to.
pub(super) struct Budget {
    unpacked: Cell<usize>,
    entries: Cell<usize>,
    /// As many bytes as so many packed ones may unpack to.
    ratio: usize,
    /// A layer could not be decompressed.
    is_broken: Cell<bool>,
}

impl Budget {
    pub(super) fn of(packed: usize) -> Self {
        Self {
            unpacked: Cell::new(0),
            entries: Cell::new(0),
            ratio: (packed.saturating_mul(limit::RATIO)).max(limit::RATIO_FREE_BYTES),
            is_broken: Cell::new(false),
        }
    }

    /// Whether a layer could not be decompressed, or was cut short by a limit.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.get()
    }

    pub(super) fn exceeded(&self) -> Option<UnpackError> {
        self.exceeded_by(0)
    }

    fn exceeded_by(&self, more: usize) -> Option<UnpackError> {
        let unpacked = self.unpacked.get().saturating_add(more);
        if unpacked > limit::UNPACKED_BYTES {
            Some(UnpackError::UnpackedTooLarge)
        } else if unpacked > self.ratio {
            Some(UnpackError::Ratio)
        } else {
            None
        }
    }

    /// Refuses an entry whose header says that it has more bytes than are left.
    pub(super) fn claim(&self, size: u64) -> Result<usize, UnpackError> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.exceeded_by(size).map_or(Ok(size), Err)
    }

    pub(super) fn count_entry(&self) -> Result<(), UnpackError> {
        self.entries.update(|entries| entries + 1);
        match self.entries.get() > limit::ENTRIES {
            true => Err(UnpackError::TooManyEntries),
            false => Ok(()),
        }
    }
}

/// A layer whose bytes are counted.
pub(super) struct Counted<'b, R> {
    pub(super) inner: R,
    pub(super) budget: &'b Budget,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        let read = read.inspect_err(|_| self.budget.is_broken.set(true))?;
        self.budget.unpacked.update(|unpacked| unpacked + read);
        match self.budget.exceeded() {
            Some(error) => {
                self.budget.is_broken.set(true);
                Err(io::Error::other(error))
            }
            None => Ok(read),
        }
    }
}
