//! Errors of a configuration or its schema, each about one field.

const MAX_MESSAGE: usize = 300;

/// What is wrong with one field. `field` begins with `.` or `[`, or is empty for the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Path below the configuration, such as `.beam` or `.parts[0].name`.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "spec.config{}: {}", self.field, self.message)
    }
}

pub(super) fn field_error(field: impl Into<String>, message: impl Into<String>) -> FieldError {
    let mut message: String = message.into();
    if message.chars().count() > MAX_MESSAGE {
        message = message
            .chars()
            .take(MAX_MESSAGE)
            .chain("…".chars())
            .collect();
    }
    FieldError {
        field: field.into(),
        message,
    }
}
