//! Answers other than success, as typed failures: the one place where an API server's words become types.
//!
//! Kinds, codes and causes come from the status code and the fields of the `Status`. For four refusals an API
//! server gives nothing but text; each is recognised here and nowhere else, and checked against a real server by
//! the tests of the clients.

use http::StatusCode;
use kube::core::Status;
use kube::core::response::StatusDetails;
use stevedore_agent_core::failure::{Cause, Failure, FailureKind};
use stevedore_client::InvalidSegment;

use crate::ports::Account;

/// The failure behind an answer with this status code and body, to a request that acted as `account` (absent for the
/// agent itself). `retry_after` is the header's value in seconds.
pub(crate) fn failure(
    account: Option<&Account>,
    code: StatusCode,
    retry_after: Option<u64>,
    body: &[u8],
) -> Failure {
    let status = serde_json::from_slice::<Status>(body)
        .ok()
        .filter(|status| status.code != 0 || !status.reason.is_empty());
    from(account, code, retry_after, status.as_ref())
}

/// The failure that ended a watch.
pub(crate) fn of_status(status: &Status) -> Failure {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    from(None, code, None, Some(status))
}

/// An answer that is no `Status` may be anybody's, and is not quoted.
fn from(
    account: Option<&Account>,
    code: StatusCode,
    retry_after: Option<u64>,
    status: Option<&Status>,
) -> Failure {
    let details = status.and_then(|status| status.details.as_ref());
    let asked = details
        .map(|details| u64::from(details.retry_after_seconds))
        .filter(|seconds| *seconds > 0);
    let message = match &status {
        Some(status) if !status.message.is_empty() => status.message.clone(),
        Some(status) => status.reason.clone(),
        None => format!("the API server answers {code}"),
    };
    Failure {
        kind: kind(code, account, details, &message),
        code: Some(code.as_u16()),
        causes: causes(code, &message),
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

fn kind(
    code: StatusCode,
    account: Option<&Account>,
    details: Option<&StatusDetails>,
    message: &str,
) -> FailureKind {
    match code.as_u16() {
        413 => FailureKind::TooLarge,
        404 if details.is_some_and(|details| !details.name.is_empty()) => FailureKind::NotFound,
        404 => FailureKind::NoKind,
        403 if is_about_impersonation(account, details, message) => FailureKind::AccountNotAllowed,
        403 if is_namespace_terminating(details) => FailureKind::NamespaceTerminating,
        403 => FailureKind::Forbidden,
        // It says nothing about the account's rights: the agent's own token is not taken at the moment.
        401 => FailureKind::Unavailable,
        409 => FailureKind::Conflict,
        410 => FailureKind::Expired,
        429 => FailureKind::Unavailable,
        400..=499 => FailureKind::Invalid,
        500 if is_too_large_to_store(message) => FailureKind::TooLarge,
        500 if is_undeclared_field(message) => FailureKind::Invalid,
        _ => FailureKind::Unavailable,
    }
}

fn causes(code: StatusCode, message: &str) -> Vec<Cause> {
    if code != StatusCode::BAD_REQUEST {
        return Vec::new();
    }
    unknown_fields(message).map(Cause::UnknownField).collect()
}

/// Whether the namespace in which something is to be created is being deleted.
fn is_namespace_terminating(details: Option<&StatusDetails>) -> bool {
    let mut causes = details.into_iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.reason == "NamespaceTerminating")
}

/// Whether the agent may not act as the account. The refusal names the account as its object, as one of a request
/// about that very ServiceAccount does too: only the verb, which stands in the text alone, tells them apart.
fn is_about_impersonation(
    account: Option<&Account>,
    details: Option<&StatusDetails>,
    message: &str,
) -> bool {
    account.zip(details).is_some_and(|(account, details)| {
        details.kind == "serviceaccounts" && details.name == account.name
    }) && message.contains("cannot impersonate")
}

/// Whether etcd, or the connection to it, does not take what is to be stored: answered as an internal error.
fn is_too_large_to_store(message: &str) -> bool {
    message.contains("request is too large") || message.contains("larger than max")
}

/// Whether the schema of a built-in kind does not have a field that is applied: answered as an internal error.
fn is_undeclared_field(message: &str) -> bool {
    message.contains("failed to create typed patch object")
}

/// The fields that strict validation of a body does not know, by path. The answer is a `BadRequest` without
/// details: they stand in its text alone, as `strict decoding error: unknown field "spec.a", unknown field "spec.b"`.
fn unknown_fields(message: &str) -> impl Iterator<Item = String> {
    let listed = message
        .split_once("strict decoding error: ")
        .map_or("", |(_, listed)| listed);
    let mut fields = listed.split("unknown field \"").skip(1);
    std::iter::from_fn(move || Some(fields.next()?.split_once('"')?.0.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(code: u16, reason: &str, message: &str, name: &str) -> (StatusCode, Vec<u8>) {
        let body = json!({"kind": "Status", "status": "Failure", "code": code,
            "reason": reason, "message": message, "details": {"name": name}});
        (
            StatusCode::from_u16(code).unwrap(),
            body.to_string().into_bytes(),
        )
    }

    #[test]
    fn answers_are_told_apart() {
        use FailureKind::{Conflict, Forbidden, Invalid, NoKind, NotFound, TooLarge, Unavailable};
        const UNKNOWN_PATH: &str = "the server could not find the requested resource";
        const UNDECLARED: &str =
            "failed to create typed patch object (a/b): .spec.x: field not declared";
        for (code, reason, message, name, expected) in [
            (404, "NotFound", "configmaps \"a\" not found", "a", NotFound),
            (404, "NotFound", UNKNOWN_PATH, "", NoKind),
            (409, "Conflict", "changed", "a", Conflict),
            (403, "Forbidden", "no", "a", Forbidden),
            (401, "Unauthorized", "who", "", Unavailable),
            (422, "Invalid", "bad", "a", Invalid),
            (
                413,
                "RequestEntityTooLarge",
                "limit is 3145728",
                "",
                TooLarge,
            ),
            (500, "", "etcdserver: request is too large", "", TooLarge),
            (500, "", UNDECLARED, "", Invalid),
            (500, "InternalError", "webhook", "", Unavailable),
            (503, "ServiceUnavailable", "later", "", Unavailable),
        ] {
            let (code, body) = status(code, reason, message, name);
            let failure = failure(None, code, None, &body);
            assert_eq!(
                (failure.kind, failure.message.as_str()),
                (expected, message)
            );
        }
    }

    #[test]
    fn the_wait_that_a_server_asks_for_is_carried() {
        let (code, body) = status(429, "TooManyRequests", "slow down", "");
        let failure = failure(None, code, Some(7), &body);
        assert_eq!(
            (failure.kind, failure.retry_after),
            (FailureKind::Unavailable, Some(7000))
        );
    }

    #[test]
    fn an_answer_that_is_no_status_is_not_quoted() {
        let failure = failure(None, StatusCode::NOT_FOUND, None, b"marker-7f3a\n");
        assert_eq!(failure.kind, FailureKind::NoKind);
        assert_eq!(failure.message, "the API server answers 404 Not Found");
    }

    #[test]
    fn a_refused_impersonation_is_told_from_a_refusal_of_the_account_itself() {
        let account = Account {
            namespace: "shop".into(),
            name: "installer".into(),
        };
        let answer = |message: &str, kind: &str| {
            let body = json!({"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
                "message": message, "details": {"name": "installer", "kind": kind}});
            let body = body.to_string().into_bytes();
            failure(Some(&account), StatusCode::FORBIDDEN, None, &body).kind
        };
        let (accounts, words) = ("serviceaccounts", "cannot impersonate resource");
        assert_eq!(answer(words, accounts), FailureKind::AccountNotAllowed);
        assert_eq!(
            answer("cannot patch resource", accounts),
            FailureKind::Forbidden
        );
        // What a webhook says is no word of the API server's.
        assert_eq!(answer(words, "configmaps"), FailureKind::Forbidden);
    }

    #[test]
    fn a_namespace_that_is_being_deleted_is_told_from_a_lack_of_rights() {
        let body = json!({"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
            "message": "no", "details": {"name": "a", "kind": "configmaps", "causes": [
                {"reason": "NamespaceTerminating", "message": "it goes", "field": "metadata.namespace"}]}});
        let found = failure(
            None,
            StatusCode::FORBIDDEN,
            None,
            body.to_string().as_bytes(),
        );
        assert_eq!(
            (found.kind, found.code),
            (FailureKind::NamespaceTerminating, Some(403))
        );
    }

    #[test]
    fn causes_are_typed() {
        let message = "Thing in version \"v1\" cannot be handled as a Thing: strict decoding error: \
                       unknown field \"spec.a\", unknown field \"spec.b[0].c\"";
        let (code, body) = status(400, "BadRequest", message, "");
        let unknown = ["spec.a", "spec.b[0].c"].map(|path| Cause::UnknownField(path.into()));
        assert_eq!(failure(None, code, None, &body).causes, unknown);
    }
}
