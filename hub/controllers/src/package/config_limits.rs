//! Bounds of a package's config, where no admission policy holds them: a revision repeats the config, and must be
//! readable for as long as it is kept.

use serde_json::{Map, Value};
use stevedore_crds::v1alpha1::{CONFIG_DEPTH, CONFIG_SIZE};
use stevedore_hub_core::fleet::Failure;
use stevedore_proto_core::Reason;

/// Whether a config is within its bounds.
pub(crate) fn check(config: Option<&Map<String, Value>>) -> Result<(), Failure> {
    let Some(config) = config else {
        return Ok(());
    };
    let deepest = 1 + config.values().map(depth).max().unwrap_or(0);
    if deepest > CONFIG_DEPTH {
        return Err(Failure {
            reason: Reason::ConfigTooDeep,
            message: format!(
                "spec.config is nested {deepest} levels deep, the limit is {CONFIG_DEPTH}"
            ),
        });
    }
    let size = serde_json::to_string(config).map_or(0, |text| text.chars().count());
    if size > CONFIG_SIZE {
        return Err(Failure {
            reason: Reason::ConfigTooLarge,
            message: format!("spec.config has {size} characters, the limit is {CONFIG_SIZE}"),
        });
    }
    Ok(())
}

/// Levels of maps and lists. What was decoded is never nested deeper than the decoder goes.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reason(config: &Value) -> Option<Reason> {
        check(config.as_object())
            .err()
            .map(|failure| failure.reason)
    }

    #[test]
    fn a_config_at_its_bounds_is_taken_and_above_them_refused() {
        let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({"a": inner}));
        assert_eq!(reason(&nested(CONFIG_DEPTH)), None);
        let over = reason(&nested(CONFIG_DEPTH + 1));
        assert_eq!(over, Some(Reason::ConfigTooDeep));
        let sized =
            |size: usize| json!({"a": "é".repeat(size - json!({"a": ""}).to_string().len())});
        assert_eq!(reason(&sized(CONFIG_SIZE)), None);
        let over = reason(&sized(CONFIG_SIZE + 1));
        assert_eq!(over, Some(Reason::ConfigTooLarge));
    }
}
