//! W3C trace context, carried with orders so that one trace id shows in the hub's and the agents' logs.

use std::fmt;
use std::str::FromStr;

/// One position in a trace, in the meaning of the W3C `traceparent` header (version 00).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: u128,
    parent: u64,
    sampled: bool,
}

/// A text that is not a `traceparent` value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C traceparent value")]
pub struct InvalidTraceparent;

impl TraceContext {
    /// Starts a trace; `trace` and `span` are random. Zero, which the format forbids, becomes one.
    #[must_use]
    pub fn start(trace: u128, span: u64) -> Self {
        Self {
            trace: trace.max(1),
            parent: span.max(1),
            sampled: true,
        }
    }

    /// The same trace, one step further; `span` is random.
    #[must_use]
    pub fn step(self, span: u64) -> Self {
        Self {
            parent: span.max(1),
            ..self
        }
    }

    /// The trace id as 32 hex digits, as it is logged under the field `trace_id`.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// A span that shows this trace's id on every event within it.
    #[must_use]
    pub fn span(&self, what: &'static str) -> tracing::Span {
        tracing::info_span!("trace", what, trace_id = %self.trace_id(), span_id = %format_args!("{:016x}", self.parent))
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace,
            self.parent,
            u8::from(self.sampled)
        )
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    /// Accepts version 00 exactly, and what a later version adds behind a further `-`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(5, '-');
        let mut field = |digits: usize| {
            parts.next().filter(|part| {
                part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            })
        };
        let (version, trace, parent, flags) = (field(2), field(32), field(16), field(2));
        let rest = parts.next();
        let (Some(version), Some(trace), Some(parent), Some(flags)) =
            (version, trace, parent, flags)
        else {
            return Err(InvalidTraceparent);
        };
        if version == "ff" || (version == "00" && rest.is_some()) {
            return Err(InvalidTraceparent);
        }
        let trace = u128::from_str_radix(trace, 16).map_err(|_| InvalidTraceparent)?;
        let parent = u64::from_str_radix(parent, 16).map_err(|_| InvalidTraceparent)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| InvalidTraceparent)?;
        if trace == 0 || parent == 0 {
            return Err(InvalidTraceparent);
        }
        Ok(Self {
            trace,
            parent,
            sampled: flags & 1 == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_survives_its_text_form_and_keeps_its_trace_over_steps() {
        let start = TraceContext::start(7, 9);
        assert_eq!(
            start.to_string(),
            "00-00000000000000000000000000000007-0000000000000009-01"
        );
        let next: TraceContext = start.step(11).to_string().parse().unwrap();
        assert_eq!(next.trace_id(), start.trace_id());
        assert_ne!(next, start);
    }

    #[test]
    fn malformed_texts_are_refused() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(good.parse::<TraceContext>().is_ok());
        assert!(
            format!("01-{}-later", &good[3..])
                .parse::<TraceContext>()
                .is_ok()
        );
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert_eq!(
                bad.parse::<TraceContext>(),
                Err(InvalidTraceparent),
                "{bad:?}"
            );
        }
    }
}
