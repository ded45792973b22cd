//! The assembly of a schema: nested, from rows that each know the path of one field.

use serde_json::{Map, Value, json};

/// What `additionalProperties` is called.
pub(super) const OTHERS: &str = "additionalProperties";

/// A field: its path, as the tables of known fields have it, what it is, and what must hold of it.
pub(super) struct Row {
    pub(super) form: &'static str,
    pub(super) says: &'static str,
    pub(super) rules: Value,
}

/// A row.
pub(super) fn row(form: &'static str, says: &'static str, rules: Value) -> Row {
    Row { form, says, rules }
}

/// The schema of a file, from its rows.
pub(super) fn schema(title: &str, rows: &[Row]) -> Value {
    let mut schema = node("", rows);
    schema.insert(
        "$schema".to_owned(),
        json!("http://json-schema.org/draft-07/schema#"),
    );
    schema.insert("title".to_owned(), json!(title));
    Value::Object(schema)
}

/// The schema of a field, from its row and the rows below it.
fn node(form: &str, rows: &[Row]) -> Map<String, Value> {
    let mut node = Map::new();
    let item = format!("{form}[]");
    if rows.iter().any(|row| row.form == item) {
        node.insert("type".to_owned(), json!("array"));
        node.insert("items".to_owned(), Value::Object(self::node(&item, rows)));
    }
    let below = |row: &Row| match form {
        "" => Some(row.form),
        form => row.form.strip_prefix(form)?.strip_prefix('.'),
    };
    let is_name = |name: &&str| !name.is_empty() && !name.contains(['.', '[']);
    let fields = rows.iter().filter_map(below).filter(is_name);
    let fields = fields.map(|name| {
        let form = match form {
            "" => name.to_owned(),
            form => format!("{form}.{name}"),
        };
        (name.to_owned(), Value::Object(self::node(&form, rows)))
    });
    let fields: Map<String, Value> = fields.collect();
    if !fields.is_empty() {
        node.insert("type".to_owned(), json!("object"));
        node.insert(OTHERS.to_owned(), json!(false));
        node.insert("properties".to_owned(), Value::Object(fields));
    }
    for row in rows.iter().filter(|row| row.form == form) {
        node.insert("description".to_owned(), json!(row.says));
        let rules = row.rules.as_object().into_iter().flatten();
        node.extend(rules.map(|(key, rule)| (key.clone(), rule.clone())));
    }
    node
}
