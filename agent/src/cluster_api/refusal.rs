//! What an answer other than success means.

use http::StatusCode;
use kube::core::Status;
use stevedore_agent_core::failure::{Failure, FailureKind};
use stevedore_client::InvalidSegment;

/// Part of every refusal of an impersonation.
const CANNOT_IMPERSONATE: &str = "cannot impersonate";

/// The failure behind an answer with this status code and body. `retry_after` is the header's value in
/// seconds. Of a body that is no `Status`, such as a proxy's, nothing is kept.
pub(crate) fn failure(code: StatusCode, retry_after: Option<u64>, body: &[u8]) -> Failure {
    let status = serde_json::from_slice::<Status>(body)
        .ok()
        .filter(|status| status.code != 0 || !status.reason.is_empty());
    let details = status.as_ref().and_then(|status| status.details.as_ref());
    let asked = details
        .map(|details| u64::from(details.retry_after_seconds))
        .filter(|seconds| *seconds > 0);
    let names_an_object = details.is_some_and(|details| !details.name.is_empty());
    let message = match &status {
        Some(status) if !status.message.is_empty() => status.message.clone(),
        Some(status) => status.reason.clone(),
        None => format!("the API server answers {code}"),
    };
    Failure {
        kind: kind(code, &message, names_an_object),
        message,
        retry_after: retry_after
            .or(asked)
            .map(|seconds| seconds.saturating_mul(1000)),
    }
}

/// A name that no object can have; nothing was asked.
pub(crate) fn invalid_name(invalid: InvalidSegment) -> Failure {
    Failure::new(FailureKind::Invalid, invalid.to_string())
}

fn kind(code: StatusCode, message: &str, names_an_object: bool) -> FailureKind {
    let too_large = [
        "request is too large",
        "larger than max",
        "Request entity too large",
    ];
    if code == StatusCode::PAYLOAD_TOO_LARGE || too_large.iter().any(|part| message.contains(part))
    {
        return FailureKind::TooLarge;
    }
    match code.as_u16() {
        404 if names_an_object => FailureKind::NotFound,
        404 => FailureKind::NoKind,
        403 if message.contains(CANNOT_IMPERSONATE) => FailureKind::AccountNotAllowed,
        403 => FailureKind::Forbidden,
        // It says nothing about the account's rights: the agent's own token is not taken at the moment.
        401 => FailureKind::Unavailable,
        409 => FailureKind::Conflict,
        429 => FailureKind::Unavailable,
        400..=499 => FailureKind::Invalid,
        // A field that the schema of a built-in kind does not have is answered as an internal error.
        500 if message.contains("failed to create typed patch object") => FailureKind::Invalid,
        _ => FailureKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, reason: &str, message: &str, name: &str) -> (StatusCode, Vec<u8>) {
        let body = serde_json::json!({"kind": "Status", "status": "Failure", "code": code,
            "reason": reason, "message": message, "details": {"name": name}});
        (
            StatusCode::from_u16(code).unwrap(),
            body.to_string().into_bytes(),
        )
    }

    #[test]
    fn answers_are_told_apart() {
        for (code, reason, message, name, expected) in [
            (
                404,
                "NotFound",
                "configmaps \"a\" not found",
                "a",
                FailureKind::NotFound,
            ),
            (
                404,
                "NotFound",
                "the server could not find the requested resource",
                "",
                FailureKind::NoKind,
            ),
            (409, "Conflict", "changed", "a", FailureKind::Conflict),
            (403, "Forbidden", "no", "a", FailureKind::Forbidden),
            (401, "Unauthorized", "who", "", FailureKind::Unavailable),
            (422, "Invalid", "bad", "a", FailureKind::Invalid),
            (
                413,
                "RequestEntityTooLarge",
                "limit is 3145728",
                "",
                FailureKind::TooLarge,
            ),
            (
                500,
                "",
                "etcdserver: request is too large",
                "",
                FailureKind::TooLarge,
            ),
            (
                500,
                "",
                "failed to create typed patch object (a/b): .spec.x: field not declared",
                "",
                FailureKind::Invalid,
            ),
            (
                500,
                "InternalError",
                "webhook",
                "",
                FailureKind::Unavailable,
            ),
            (
                503,
                "ServiceUnavailable",
                "later",
                "",
                FailureKind::Unavailable,
            ),
        ] {
            let (code, body) = status(code, reason, message, name);
            let failure = failure(code, None, &body);
            assert_eq!(
                (failure.kind, failure.message.as_str()),
                (expected, message)
            );
        }
    }

    #[test]
    fn the_wait_that_a_server_asks_for_is_carried() {
        let (code, body) = status(429, "TooManyRequests", "slow down", "");
        let failure = failure(code, Some(7), &body);
        assert_eq!(
            (failure.kind, failure.retry_after),
            (FailureKind::Unavailable, Some(7000))
        );
    }

    #[test]
    fn an_answer_that_is_no_status_is_not_quoted() {
        let failure = failure(StatusCode::NOT_FOUND, None, b"404 page not found\n");
        assert_eq!(failure.kind, FailureKind::NoKind);
        assert_eq!(failure.message, "the API server answers 404 Not Found");
    }

    #[test]
    fn a_refused_impersonation_is_recognised() {
        let (code, body) = status(
            403,
            "Forbidden",
            "serviceaccounts \"p\" is forbidden: User \"agent\" cannot impersonate resource \"serviceaccounts\"",
            "p",
        );
        assert_eq!(
            failure(code, None, &body).kind,
            FailureKind::AccountNotAllowed
        );
        let (code, body) = status(403, "Forbidden", "configmaps is forbidden", "p");
        assert_eq!(failure(code, None, &body).kind, FailureKind::Forbidden);
    }
}
