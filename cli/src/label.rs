//! Labels as arguments.

/// Parses `KEY=VALUE`.
pub(crate) fn parse(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "a label is KEY=VALUE".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_need_a_key() {
        assert_eq!(parse("region=north"), Ok(("region".into(), "north".into())));
        assert!(parse("=north").is_err() && parse("region").is_err());
    }
}
