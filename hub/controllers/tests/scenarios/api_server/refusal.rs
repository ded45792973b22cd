//! Answers that refuse.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    reason: &'static str,
    message: String,
    /// Of the object that it speaks about; empty where it speaks about none.
    name: String,
    /// Field and message of each cause.
    causes: Vec<(&'static str, &'static str)>,
}

impl Refusal {
    pub(super) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            name: String::new(),
            causes: Vec::new(),
        }
    }

    /// A refusal that has nothing to do with the request.
    pub(super) fn of(code: u16) -> Self {
        let reason = match code {
            409 => "Conflict",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "InternalError",
        };
        Self::new(code, reason, "refused by a rule of the test")
    }

    pub(super) fn not_found(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::new(404, "NotFound", format!("{name} not found"))
        }
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "Conflict", message)
    }

    /// A value that the schema refuses.
    pub(super) fn invalid(field: &'static str, message: &'static str) -> Self {
        Self {
            causes: vec![(field, message)],
            ..Self::new(422, "Invalid", message)
        }
    }

    pub(super) fn status(&self) -> Value {
        let causes: Vec<_> = self
            .causes
            .iter()
            .map(|(field, message)| {
                json!({"reason": "FieldValueInvalid", "field": field, "message": message})
            })
            .collect();
        json!({
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
            "code": self.code, "reason": self.reason, "message": self.message,
            "details": {"name": self.name, "causes": causes},
        })
    }

    pub(super) fn response(&self) -> Response<Body> {
        super::response(self.code, &self.status())
    }
}
