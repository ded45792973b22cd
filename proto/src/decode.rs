//! Decoding of what comes over the wire, with every size and count checked.

mod environment;
mod order;
mod session;
mod status;

use stevedore_proto_core::Digest;

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field that has to be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field has the wrong form.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A text or list is longer than allowed.
    #[error("{field} has {is} bytes or entries, the limit is {max}")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its length.
        is: usize,
        /// The longest allowed.
        max: usize,
    },
    /// A kind of message this release does not know: count it and go on.
    #[error("a kind of message this release does not know")]
    UnknownMessage,
}

type Result<T> = std::result::Result<T, Error>;

fn present<T>(value: Option<T>, field: &'static str) -> Result<T> {
    value.ok_or(Error::Missing(field))
}

fn fixed<const N: usize>(bytes: &[u8], field: &'static str) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| Error::Malformed(field))
}

fn digest(bytes: &[u8], field: &'static str) -> Result<Digest> {
    fixed(bytes, field).map(Digest::from_bytes)
}

fn within(is: usize, max: usize, field: &'static str) -> Result<()> {
    if is > max {
        return Err(Error::TooLong { field, is, max });
    }
    Ok(())
}

fn text(text: String, max: usize, field: &'static str) -> Result<String> {
    within(text.len(), max, field)?;
    Ok(text)
}

fn optional(value: Option<String>, max: usize, field: &'static str) -> Result<Option<String>> {
    value.map(|value| text(value, max, field)).transpose()
}

fn list<T, U>(items: Vec<T>, max: usize, field: &'static str) -> Result<Vec<U>>
where
    U: TryFrom<T, Error = Error>,
{
    within(items.len(), max, field)?;
    items.into_iter().map(U::try_from).collect()
}

fn words(items: Vec<String>, field: &'static str) -> Result<Vec<String>> {
    use stevedore_proto_core::limit;
    within(items.len(), limit::FEATURES, field)?;
    items
        .into_iter()
        .map(|item| text(item, limit::REASON, field))
        .collect()
}
