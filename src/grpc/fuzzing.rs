//! What holds of a caller's request, and of the arguments of a tool call.

use prost::Message as _;
use prost_types::{Struct, Value, value::Kind};
use tonic::metadata::MetadataMap;

use super::metadata::{Trace, patience};
use super::proto::ExecutionRequest;
use super::request::check;
use super::structs::{from_json, to_json, tool_result_to_json};
use crate::config::{Limits, Security, StaticChecks};
use crate::supervise;

/// The bytes as a request, checked by every policy.
pub fn request(bytes: &[u8]) {
    headers(bytes);
    let Ok(request) = ExecutionRequest::decode(bytes) else { return };
    for (static_checks, direct) in
        [(StaticChecks::Off, false), (StaticChecks::Compat, false), (StaticChecks::Compat, true)]
    {
        let security = Security {
            static_checks,
            allow_direct_execution: direct,
            allowed_commands: vec!["grep".to_owned()],
            ..Security::default()
        };
        let limits = Limits::default();
        match check(&request, &limits, &security) {
            Ok(asked) => {
                assert!(asked.timeout <= limits.code_timeout && !asked.timeout.is_zero());
                assert!(asked.tool_call_timeout.as_secs() <= 86_400);
                assert!(request.available_tools.len() as u64 <= limits.tools);
            }
            Err(rejected) => {
                let length = rejected.error.len();
                assert!(length <= 4 * bytes.len() + 1000, "{length} bytes for {}", bytes.len());
            }
        }
    }
    for data in [&request.config, &request.context] {
        one_document(data.as_ref());
    }
}

/// The bytes as the guest's call of a tool: what the main application gets of its arguments.
pub fn arguments(bytes: &[u8]) {
    let Some(arguments) = supervise::fuzzing::arguments(bytes) else { return };
    let arguments = from_json(arguments);
    let sent = arguments.encode_to_vec();
    // Readers of protobuf take a hundred levels.
    if let Ok(received) = Struct::decode(sent.as_slice()) {
        assert_eq!(received, arguments, "the arguments change on their way");
    }
    let text = to_json(Some(&arguments));
    let again = serde_json::from_str(text.get()).expect("JSON");
    assert_eq!(from_json(again), arguments, "{text}");
}

fn one_document(data: Option<&Struct>) {
    for text in [to_json(data), tool_result_to_json(data)] {
        serde_json::from_str::<serde::de::IgnoredAny>(text.get()).expect("JSON");
    }
    let Some(data) = data.filter(|data| data.fields.values().all(has_json)) else { return };
    let again = serde_json::from_str(to_json(Some(data)).get());
    // Too deep for the reader here is not too deep for Python's.
    if let Ok(again) = again {
        assert_eq!(from_json(again), *data, "data changes on its way");
    }
}

/// Whether JSON has a value of its own for all of it.
fn has_json(value: &Value) -> bool {
    match &value.kind {
        Some(Kind::NumberValue(number)) => number.is_finite(),
        Some(Kind::NullValue(number)) => *number == 0,
        Some(Kind::StructValue(data)) => data.fields.values().all(has_json),
        Some(Kind::ListValue(list)) => list.values.iter().all(has_json),
        Some(_) => true,
        None => false,
    }
}

fn headers(bytes: &[u8]) {
    let mut metadata = MetadataMap::new();
    for name in ["grpc-timeout", "x-correlation-id", "traceparent"] {
        if let Ok(value) = bytes.try_into() {
            metadata.insert(name, value);
        }
    }
    if let Some(patience) = patience(&metadata) {
        assert!(patience.as_secs() < 100_000_000 * 3600);
    }
    let trace = Trace::new(&metadata, "field");
    assert!(!trace.correlation_id.is_empty());
    trace.write(&mut MetadataMap::new());
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kept_inputs_hold() {
        crate::fuzzing::replay("request", super::request);
        crate::fuzzing::replay("frames", super::arguments);
    }
}
