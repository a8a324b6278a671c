//! `google.protobuf.Struct` to and from JSON.
//!
//! The wire knows doubles only. Integral ones become JSON integers, so that the code sees `int`
//! where the application meant one.

use std::fmt::Write;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde_json::value::RawValue;

/// The key under which a tool's bare return value travels.
const BARE_VALUE: &str = "__codemode_value__";

/// Largest magnitude up to which every integer is a double (2^53).
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A struct as a JSON document; `None` is `null`.
#[must_use]
pub fn to_json(value: Option<&Struct>) -> Box<RawValue> {
    let mut text = String::new();
    match value {
        Some(value) => write_struct(&mut text, value),
        None => text.push_str("null"),
    }
    raw(text)
}

/// A tool's result as a JSON document: bare if it was wrapped, else the object.
#[must_use]
pub fn tool_result_to_json(result: Option<&Struct>) -> Box<RawValue> {
    let bare = result.filter(|result| result.fields.len() == 1);
    match bare.and_then(|result| result.fields.get(BARE_VALUE)) {
        Some(value) => {
            let mut text = String::new();
            write_value(&mut text, value);
            raw(text)
        }
        None => to_json(result),
    }
}

fn raw(text: String) -> Box<RawValue> {
    // What is written here is JSON, but for one thing that JSON lacks: NaN and infinities.
    RawValue::from_string(text).unwrap_or_default()
}

fn write_value(text: &mut String, value: &Value) {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => text.push_str("null"),
        Some(Kind::NumberValue(number)) => write_number(text, *number),
        Some(Kind::StringValue(string)) => write_string(text, string),
        Some(Kind::BoolValue(truth)) => text.push_str(if *truth { "true" } else { "false" }),
        Some(Kind::StructValue(value)) => write_struct(text, value),
        Some(Kind::ListValue(list)) => {
            text.push('[');
            for (index, value) in list.values.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(text, value);
            }
            text.push(']');
        }
    }
}

fn write_struct(text: &mut String, value: &Struct) {
    text.push('{');
    for (index, (key, value)) in value.fields.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_string(text, key);
        text.push(':');
        write_value(text, value);
    }
    text.push('}');
}

fn write_number(text: &mut String, number: f64) {
    // Writing to a String can't fail.
    let _ = if number.fract() == 0.0 && number.abs() <= EXACT && !is_negative_zero(number) {
        write!(text, "{}", number as i64)
    } else if number.is_finite() {
        write!(text, "{number:?}")
    } else {
        // Neither JSON nor the protobuf JSON mapping has these; null is what is left.
        write!(text, "null")
    };
}

fn is_negative_zero(number: f64) -> bool {
    number == 0.0 && number.is_sign_negative()
}

fn write_string(text: &mut String, string: &str) {
    text.push_str(&serde_json::Value::from(string).to_string());
}

/// A JSON object as a struct; anything else under the key of bare values.
#[must_use]
pub fn from_json(value: serde_json::Value) -> Struct {
    match value {
        serde_json::Value::Object(fields) => Struct {
            fields: fields.into_iter().map(|(key, value)| (key, from_value(value))).collect(),
        },
        other => Struct { fields: [(BARE_VALUE.to_owned(), from_value(other))].into() },
    }
}

fn from_value(value: serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(truth) => Kind::BoolValue(truth),
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(string) => Kind::StringValue(string),
        serde_json::Value::Array(values) => {
            Kind::ListValue(ListValue { values: values.into_iter().map(from_value).collect() })
        }
        object @ serde_json::Value::Object(_) => Kind::StructValue(from_json(object)),
    };
    Value { kind: Some(kind) }
}

/// A number in a request's config.
#[must_use]
pub fn field<'a>(config: Option<&'a Struct>, key: &str) -> Option<&'a Value> {
    config?.fields.get(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn round_trip(value: serde_json::Value) -> serde_json::Value {
        serde_json::from_str(to_json(Some(&from_json(value))).get()).unwrap()
    }

    #[test]
    fn integers_stay_integers_and_fractions_fractions() {
        let value = json!({"a": 1, "b": -7, "c": 0.5, "d": [1e300, 9_007_199_254_740_992_i64]});
        assert_eq!(to_json(Some(&from_json(value.clone()))).get().matches(".0").count(), 0);
        assert_eq!(round_trip(value.clone()), value);
    }

    #[test]
    fn a_bare_value_is_unwrapped_and_only_then() {
        let bare = from_json(json!({BARE_VALUE: 5}));
        assert_eq!(tool_result_to_json(Some(&bare)).get(), "5");
        let two = from_json(json!({BARE_VALUE: 5, "other": 1}));
        assert!(tool_result_to_json(Some(&two)).get().contains("other"));
        assert_eq!(tool_result_to_json(None).get(), "null");
    }

    #[test]
    fn what_json_lacks_becomes_null() {
        let value = Value { kind: Some(Kind::NumberValue(f64::NAN)) };
        let nan = Struct { fields: [("n".to_owned(), value)].into() };
        assert_eq!(to_json(Some(&nan)).get(), r#"{"n":null}"#);
    }

    proptest! {
        #[test]
        fn every_double_and_string_is_valid_json(number in any::<f64>(), text in ".*") {
            let fields = [
                (text.clone(), Value { kind: Some(Kind::NumberValue(number)) }),
                ("s".to_owned(), Value { kind: Some(Kind::StringValue(text)) }),
            ];
            let json = to_json(Some(&Struct { fields: fields.into() }));
            prop_assert!(serde_json::from_str::<serde_json::Value>(json.get()).is_ok());
        }
    }
}
