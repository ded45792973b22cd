//! Keys of labels and annotations, and values of labels, as Kubernetes checks them.

/// A key of labels or annotations: an optional DNS prefix and a name.
pub(crate) fn check_key(key: &str) -> Result<(), &'static str> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let label = |it: &str| {
        !it.is_empty()
            && it
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !it.starts_with('-')
            && !it.ends_with('-')
    };
    if prefix.is_some_and(|prefix| prefix.len() > 253 || !prefix.split('.').all(label)) {
        return Err("its prefix is not a DNS name");
    }
    if name.is_empty() {
        return Err("its name is empty");
    }
    check_value(name).map_err(|_| "its name is not letters, digits, '-', '_' and '.', or too long")
}

/// A name that is one label of a DNS name, as that of a namespace is.
pub(crate) fn check_label(name: &str) -> Result<(), &'static str> {
    if name.len() > 63 {
        return Err("it must be no longer than 63 characters");
    }
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(lower) || name.starts_with('-') || name.ends_with('-') {
        return Err(
            "it must be lower case letters, digits and '-', and begin and end with a letter or digit",
        );
    }
    Ok(())
}

/// A name that is a subdomain of DNS, as those of most objects are.
pub(crate) fn check_subdomain(name: &str) -> Result<(), &'static str> {
    if name.len() > 253 {
        return Err("it must be no longer than 253 characters");
    }
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.split('.').all(is_label) {
        return Ok(());
    }
    Err(
        "it must be lower case letters, digits, '-' and '.', and each part between dots begin and end with a letter \
         or digit",
    )
}

/// A key of the values of a ConfigMap or Secret: the name of a file.
pub(crate) fn check_data_key(key: &str) -> Result<(), &'static str> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match key {
        "" => Err("the key is empty"),
        "." => Err("the key must not be '.'"),
        key if key.starts_with("..") => Err("the key must not begin with '..'"),
        key if key.len() > 253 => Err("the key must be no longer than 253 characters"),
        key if !key.bytes().all(inner) => Err("the key must be letters, digits, '-', '_' and '.'"),
        _ => Ok(()),
    }
}

/// A label value: empty, or up to 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or
/// digit.
pub(crate) fn check_value(value: &str) -> Result<(), &'static str> {
    if value.len() > 63 {
        return Err("it must be no longer than 63 characters");
    }
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = [value.bytes().next(), value.bytes().last()];
    if value.bytes().all(inner)
        && ends
            .into_iter()
            .flatten()
            .all(|byte| byte.is_ascii_alphanumeric())
    {
        return Ok(());
    }
    Err("it must be letters, digits, '-', '_' and '.', and begin and end with a letter or digit")
}

/// A name that becomes the value of a label: as [`check_value`], and not empty.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("it is empty"),
        name => check_value(name),
    }
}
