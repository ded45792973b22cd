//! Answers other than success, as typed failures: the one place where an API server's words become types.
//!
//! Kinds, codes and causes come from the status code and the fields of the `Status`. For four refusals an API
//! server gives nothing but text; each is recognised here and nowhere else, and checked against a real server by
//! the tests of the clients.

use http::StatusCode;
use kube::core::Status;
use kube::core::response::{StatusCause, StatusDetails};
use stevedore_agent_core::failure::{Cause, Failure, FailureKind};
use stevedore_client::InvalidSegment;
use stevedore_proto_core::status::shorten;

use crate::ports::Account;

/// Causes of a refusal that its message tells, and the bytes that are told of each: enough of several for a status.
const CAUSES: usize = 4;
const CAUSE: usize = 240;
/// The causes that are kept as data.
const KEPT: usize = 16;

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
        causes: causes(code, details, &message),
        message: refused_fields(code, details).unwrap_or(message),
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

fn causes(code: StatusCode, details: Option<&StatusDetails>, message: &str) -> Vec<Cause> {
    if code == StatusCode::BAD_REQUEST {
        return unknown_fields(message).map(Cause::UnknownField).collect();
    }
    let refused = fields(code, details).map(|cause| Cause::Field(cause.field.clone()));
    refused.take(KEPT).collect()
}

/// Whether the namespace in which something is to be created is being deleted.
fn is_namespace_terminating(details: Option<&StatusDetails>) -> bool {
    let mut causes = details.into_iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.reason == "NamespaceTerminating")
}

/// The fields whose values are refused, each with why.
fn fields(
    code: StatusCode,
    details: Option<&StatusDetails>,
) -> impl Iterator<Item = &StatusCause> + Clone {
    let invalid = details.filter(|_| code == StatusCode::UNPROCESSABLE_ENTITY);
    let causes = invalid.into_iter().flat_map(|details| &details.causes);
    causes.filter(|cause| !cause.field.is_empty())
}

/// What is told of refused fields: of each its path and why, without the middle of a value that is quoted at length,
/// and without the name of the object, which the one who asked knows, and which may be another one on every cluster.
fn refused_fields(code: StatusCode, details: Option<&StatusDetails>) -> Option<String> {
    let causes = fields(code, details);
    let told = causes.clone().take(CAUSES).map(|cause| {
        let path = shorten(cause.field.clone(), CAUSE);
        format!("{path}: {}", shorten(cause.message.clone(), CAUSE))
    });
    let told = told.collect::<Vec<_>>().join("; ");
    match causes.count() {
        0 => None,
        count if count > CAUSES => Some(format!("{told}; and {} more", count - CAUSES)),
        _ => Some(told),
    }
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

    /// An answer that refuses these fields of a Job.
    fn invalid(fields: impl IntoIterator<Item = (String, String)>) -> Failure {
        let causes: Vec<_> = fields
            .into_iter()
            .map(|(field, message)| json!({"reason": "FieldValueInvalid", "field": field, "message": message}))
            .collect();
        let body = json!({"kind": "Status", "status": "Failure", "code": 422, "reason": "Invalid",
            "message": "Job.batch \"migrate\" is invalid: words", "details": {"name": "migrate",
            "group": "batch", "kind": "Job", "causes": causes}});
        let body = body.to_string().into_bytes();
        failure(None, StatusCode::UNPROCESSABLE_ENTITY, None, &body)
    }

    #[test]
    fn of_a_refused_field_its_path_and_the_end_of_the_message_are_told() {
        let dump = "core.PodSpec{Volumes:[]core.Volume(nil)}, ".repeat(200);
        let why = format!("Invalid value: core.PodTemplateSpec{{{dump}}}: field is immutable");
        let found = invalid([("spec.template".to_owned(), why)]);
        assert_eq!(found.causes, [Cause::Field("spec.template".into())]);
        assert_eq!(
            (found.kind, found.field()),
            (FailureKind::Invalid, "spec.template")
        );
        let told = &found.message;
        assert!(told.len() < 300, "{told}");
        assert!(
            told.starts_with("spec.template: Invalid value: core.PodTemplateSpec{"),
            "{told}"
        );
        assert!(told.ends_with(": field is immutable"), "{told}");
        assert!(!told.contains("migrate"), "{told}");
    }

    #[test]
    fn many_refused_fields_are_counted_and_without_fields_the_words_stay() {
        let field = |at: usize| (format!("spec.a[{at}]"), "Required value".to_owned());
        let found = invalid((0..9).map(field));
        let told = "spec.a[0]: Required value; spec.a[1]: Required value; spec.a[2]: Required value; \
                    spec.a[3]: Required value; and 5 more";
        assert_eq!((found.message.as_str(), found.causes.len()), (told, 9));
        let found = invalid((0..99).map(field));
        assert_eq!(found.causes.len(), KEPT);
        assert!(found.message.len() < 1_024);
        let found = invalid([]);
        assert_eq!(found.message, "Job.batch \"migrate\" is invalid: words");
        assert_eq!(found.field(), "");
    }
}
