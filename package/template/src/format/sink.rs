//! A text that is being written, of bounded size.

/// Bytes written so far, never more than the limit.
pub(super) struct Sink {
    out: Vec<u8>,
    limit: usize,
}

impl Sink {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            out: Vec::new(),
            limit,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.out.len() + bytes.len() > self.limit {
            return Err(format!("the text exceeds {} bytes", self.limit));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn fill(&mut self, byte: u8, count: usize) -> Result<(), String> {
        if count > self.limit {
            return Err(format!("the text exceeds {} bytes", self.limit));
        }
        self.push(&vec![byte; count])
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }
}
