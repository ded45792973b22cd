//! Label selectors of specs, as placement and waves use them.

use stevedore_crds::v1alpha1::{self as api, LabelOperator};
use stevedore_proto_core::content;

/// What a label selector of a spec selects.
pub(super) fn of(selector: &api::LabelSelector) -> content::LabelSelector {
    let expression = |found: &api::LabelSelectorRequirement| content::LabelExpression {
        key: found.key.clone(),
        operator: match found.operator {
            LabelOperator::In => content::LabelOperator::In,
            LabelOperator::NotIn => content::LabelOperator::NotIn,
            LabelOperator::Exists => content::LabelOperator::Exists,
            LabelOperator::DoesNotExist => content::LabelOperator::DoesNotExist,
        },
        values: found.values.clone(),
    };
    content::LabelSelector {
        match_labels: selector.match_labels.clone(),
        match_expressions: selector.match_expressions.iter().map(expression).collect(),
    }
}
