//! Findings: violations and warnings in the parts that programs read.

use serde::Serialize;
use stevedore_package::excerpt::Excerpts;
use stevedore_package::violation::Violation;
use stevedore_package::warning::Warning;

/// A violation or a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// The rule, or what is warned of: one CamelCase word.
    pub(super) reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) component: Option<String>,
    /// The test case in which it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) case: Option<String>,
    /// The file; of what a template writes, its path without the template's suffix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// Number of the document in the file, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<usize>,
    /// Line, from 1; of a document that is wrong as a whole its first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    /// Character of the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<usize>,
    pub(super) details: String,
    /// How to mend it, where the details do not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

impl Finding {
    pub(super) fn of_violation(violation: &Violation, excerpts: &mut Excerpts<'_>) -> Self {
        let position = violation.position;
        let position = position.or_else(|| Some(excerpts.of_violation(violation)?.position));
        Self {
            reason: violation.reason.word(),
            component: violation.component.as_deref().map(str::to_owned),
            case: violation.case().map(str::to_owned),
            file: violation.path.clone(),
            document: violation.index.map(|index| index as usize),
            line: position.map(|it| it.line),
            column: position.and_then(|it| it.column),
            details: violation.details.clone(),
            mend: violation.reason.mend().map(str::to_owned),
        }
    }
}

impl From<&Warning> for Finding {
    fn from(warning: &Warning) -> Self {
        Self {
            reason: warning.reason.word(),
            component: None,
            case: None,
            file: warning.path.clone(),
            document: warning.index,
            line: warning.position.map(|it| it.line),
            column: warning.position.and_then(|it| it.column),
            details: warning.details.clone(),
            mend: Some(warning.mend.clone()),
        }
    }
}
