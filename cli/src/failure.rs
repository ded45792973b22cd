//! Errors as a person reads them: the one place that turns them into text.

use std::fmt;

use kube::core::Status;
use stevedore_client::answer_error;

/// Of an answer that a kind is unknown to the cluster.
const NO_DEFINITIONS: &str = "this cluster has no Stevedore definitions; is it the hub? Name the hub with --kubeconfig or --context; a cluster that is to become one needs deploy/crds and deploy/hub.yaml first";
const NOT_FOUND: u16 = 404;
const UNAUTHORIZED: u16 = 401;
/// Of a request that got no answer.
const UNREACHABLE: &str = "the API server of the kubeconfig cannot be reached; name another with --kubeconfig or --context, or start it";
/// Of an answer that the user is unknown.
const NOT_LOGGED_IN: &str = "the API server does not accept the credentials of the kubeconfig; log in again, or name another with --kubeconfig or --context";

/// An error of which more is to be shown than a message says.
#[derive(Debug)]
pub(crate) struct Reported {
    /// What is shown before the message, with the colours of a terminal.
    pub(crate) report: String,
    pub(crate) message: String,
}

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Reported {}

/// What is to be shown of an error before its message.
pub(crate) fn report(error: &anyhow::Error) -> &str {
    let mut reports = error.chain().filter_map(|cause| cause.downcast_ref());
    reports.next().map_or("", |it: &Reported| &it.report)
}

/// What happened, from the outermost circumstance to the cause; of an API server's answer its message alone.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let causes: Vec<_> = error.chain().collect();
    let mut parts: Vec<String> = vec![];
    for (at, cause) in causes.iter().enumerate() {
        if let Some(status) = status(*cause) {
            parts.push(answer(status));
            break;
        }
        let text = match cause.downcast_ref() {
            Some(error) if answer_error(error).is_some() => continue,
            Some(kube::Error::Service(_) | kube::Error::HyperError(_)) => UNREACHABLE.to_owned(),
            _ => cause.to_string(),
        };
        // Many errors say what caused them, and it follows anyway.
        let next = causes.get(at + 1).map(ToString::to_string);
        let own = next
            .and_then(|next| text.strip_suffix(&next))
            .unwrap_or(&text)
            .trim_end_matches([':', ' ']);
        if !own.is_empty() {
            parts.push(own.to_owned());
        }
    }
    parts.join(": ")
}

/// The answer of an API server that is this error.
fn status<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a Status> {
    match cause.downcast_ref() {
        Some(kube::Error::Api(status)) => Some(status),
        _ => None,
    }
}

fn answer(status: &Status) -> String {
    let details = status.details.as_ref();
    let names_none = details.is_none_or(|details| details.name.is_empty());
    if status.code == NOT_FOUND && names_none {
        return NO_DEFINITIONS.to_owned();
    }
    if status.code == UNAUTHORIZED {
        return NOT_LOGGED_IN.to_owned();
    }
    if status.message.is_empty() {
        return format!("the API server refused: {} {}", status.code, status.reason);
    }
    status.message.clone()
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use kube::core::response::StatusDetails;
    use stevedore_client::AnswerError;

    use super::*;

    /// What becomes of an answer that is no Status, as that for an unknown path.
    fn plain(code: u16, text: &str) -> Status {
        Status::failure(text, "").with_code(code)
    }

    fn missing(name: &str) -> Status {
        let details = StatusDetails {
            name: name.into(),
            group: "stevedore.dev".into(),
            kind: "memberclusters".into(),
            uid: String::new(),
            causes: vec![],
            retry_after_seconds: 0,
        };
        Status::failure("memberclusters.stevedore.dev \"x\" not found", "NotFound")
            .with_code(404)
            .with_details(details)
    }

    fn reading(status: Status) -> String {
        let answered: Result<(), _> = Err(kube::Error::Api(status.boxed()));
        message(&answered.context("cannot read x").unwrap_err())
    }

    #[test]
    fn the_message_of_an_answer_is_said_once_and_without_its_rust_form() {
        let message = "memberclusters.stevedore.dev is forbidden: User \"me\" cannot list";
        let refused = Status::failure(message, "Forbidden").with_code(403);
        assert_eq!(reading(refused), format!("cannot read x: {message}"));
    }

    #[test]
    fn an_unknown_kind_is_told_from_a_missing_object() {
        let unknown = plain(404, "404 page not found");
        assert_eq!(reading(unknown), format!("cannot read x: {NO_DEFINITIONS}"));
        assert!(reading(missing("x")).ends_with("\"x\" not found"));
    }

    #[test]
    fn an_answer_that_cannot_be_used_is_not_taken_for_a_server_that_is_away() {
        let request = "GET /api/v1/namespaces/default".to_owned();
        let late = kube::Error::from(AnswerError::Late { request });
        let said = message(&anyhow::Error::new(late).context("cannot read x"));
        assert_eq!(
            said,
            "cannot read x: no answer to GET /api/v1/namespaces/default within 60 s; whether it was carried out is \
             not known"
        );
    }

    #[test]
    fn a_cause_that_its_effect_names_too_is_said_once() {
        #[derive(Debug)]
        struct Effect(std::io::Error);
        impl std::fmt::Display for Effect {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "cannot read token: {}", self.0)
            }
        }
        impl std::error::Error for Effect {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let effect = Effect(std::io::Error::other("the disk is gone"));
        let error = anyhow::Error::new(effect).context("cannot join");
        assert_eq!(
            message(&error),
            "cannot join: cannot read token: the disk is gone"
        );
    }
}
