//! What differs between two versions of a client, in the reader's words.

use serde_json::Value;

use crate::web::i18n::Text;

/// A member of a client as the form calls it; as the document does, where the form has no word for it.
pub fn member_words(text: &Text, field: &str) -> String {
    let key = format!("console-services-field-{}", field.replace('_', "-"));
    let words = text.get(&key);
    if words == key { field.to_owned() } else { words }
}

/// A value of a document, a line for each entry.
pub fn value_lines(text: &Text, field: &str, value: &Value) -> Vec<String> {
    match value {
        // A client in production does not say its stage.
        Value::Null if field == "stage" => vec![text.get("console-services-stage-production")],
        Value::Null => Vec::new(),
        Value::Bool(on) => vec![text.get(if *on { "console-yes" } else { "console-no" })],
        Value::String(stage) if field == "stage" => vec![text.get(&format!("console-services-stage-{stage}"))],
        Value::String(value) => vec![value.clone()],
        Value::Array(entries) => entries
            .iter()
            .flat_map(|entry| value_lines(text, field, entry))
            .collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let (name, value) = (member_words(text, name), value_lines(text, name, value).join(", "));
                text.with("console-services-diff-member", &[("name", &name), ("value", &value)])
            };
            members.iter().map(member).collect()
        }
        other => vec![other.to_string()],
    }
}
