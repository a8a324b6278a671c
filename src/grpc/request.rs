//! What a caller asks for, checked.

use std::time::Duration;

use prost_types::Struct;
use prost_types::value::Kind;

use super::proto::ExecutionRequest;
use super::structs::field;
use crate::config::{Limits, Security, StaticChecks};
use crate::observe::Refused;
use crate::policy::{Wall, static_checks};

/// Why a request is not run; the caller gets it as an answer, not as a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// One of the contract's error types, or ours.
    pub error_type: &'static str,
    /// A sentence.
    pub error: String,
    /// For the record.
    pub reason: Refused,
}

impl Rejected {
    /// A value that is not what it should be.
    #[must_use]
    pub fn value(error: String) -> Self {
        Self { error_type: "ValueError", error, reason: Refused::Invalid }
    }

    /// A refusal of the code itself.
    #[must_use]
    pub fn security(why: &str, reason: Refused) -> Self {
        let error = format!("Security violation: {why}");
        Self { error_type: "SecurityViolation", error, reason }
    }

    /// The main application's tools can't be had.
    #[must_use]
    pub fn tools(error: String) -> Self {
        Self { error_type: "ToolError", error, reason: Refused::Tools }
    }
}

/// What a request's own settings come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Wall-clock limit.
    pub timeout: Duration,
    /// Limit of one tool call.
    pub tool_call_timeout: Duration,
    /// Walls without which it must not run.
    pub required: Vec<Wall>,
}

/// Checks everything about a request that can be checked without running it.
///
/// # Errors
/// [`Rejected`] with the field, its value and what is allowed.
pub fn check(
    request: &ExecutionRequest,
    limits: &Limits,
    security: &Security,
) -> Result<Asked, Rejected> {
    let config = request.config.as_ref();
    let longest = positive(config, "max_code_length", 1e9)?
        .map_or(limits.max_code_length, |number| number as u64);
    if request.code.chars().count() as u64 > longest {
        let why = format!("Code exceeds maximum length of {longest} characters");
        return Err(Rejected::security(&why, Refused::TooLong));
    }
    if security.static_checks == StaticChecks::Compat {
        let allow = security.allow_direct_execution;
        static_checks::check(&request.code, allow, &security.allowed_commands)
            .map_err(|why| Rejected::security(&why.to_string(), Refused::StaticChecks))?;
    }
    let (tools, most) = (request.available_tools.len() as u64, limits.tools);
    if tools > most {
        let error = format!("available_tools has {tools} names; limits.tools allows {most}");
        return Err(Rejected::value(error));
    }
    let timeout = timeout(request.timeout, limits.code_timeout)?;
    let tool_call_timeout =
        positive(config, "tool_call_timeout", 86_400.0)?.map_or(timeout, Duration::from_secs_f64);
    let required = request
        .required_walls
        .iter()
        .map(|name| name.parse())
        .collect::<Result<_, _>>()
        .map_err(|error| Rejected::value(format!("required_walls: {error}")))?;
    Ok(Asked { timeout, tool_call_timeout, required })
}

fn timeout(asked: i32, most: Duration) -> Result<Duration, Rejected> {
    match u64::try_from(asked) {
        Err(_) => {
            let error = format!("timeout is {asked}; give seconds, or 0 for the executor's limit");
            Err(Rejected::value(error))
        }
        Ok(0) => Ok(most),
        Ok(seconds) => Ok(Duration::from_secs(seconds).min(most)),
    }
}

/// A number above 0 in the request's config, if it is there and not null.
fn positive(config: Option<&Struct>, key: &str, most: f64) -> Result<Option<f64>, Rejected> {
    match field(config, key).and_then(|value| value.kind.as_ref()) {
        None | Some(Kind::NullValue(_)) => Ok(None),
        Some(Kind::NumberValue(number)) if *number > 0.0 && *number <= most => Ok(Some(*number)),
        Some(other) => {
            let error = format!(
                "config.{key} is {}; give a number above 0 and at most {most}",
                show(other)
            );
            Err(Rejected::value(error))
        }
    }
}

fn show(kind: &Kind) -> String {
    match kind {
        Kind::NullValue(_) => "null".to_owned(),
        Kind::NumberValue(number) => number.to_string(),
        Kind::StringValue(text) => {
            format!("{:?}", text.chars().take(50).collect::<String>())
        }
        Kind::BoolValue(truth) => truth.to_string(),
        Kind::StructValue(_) => "an object".to_owned(),
        Kind::ListValue(_) => "a list".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Value;

    use super::*;

    fn number(number: f64) -> Value {
        Value { kind: Some(Kind::NumberValue(number)) }
    }

    fn request(code: &str, config: &[(&str, Value)]) -> ExecutionRequest {
        let fields = config.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        ExecutionRequest {
            code: code.to_owned(),
            config: Some(Struct { fields: fields.collect() }),
            ..ExecutionRequest::default()
        }
    }

    fn checked(request: &ExecutionRequest) -> Result<Asked, Rejected> {
        check(request, &Limits::default(), &Security::default())
    }

    #[test]
    fn code_is_counted_in_characters_and_a_request_may_move_the_limit() {
        let long = "é".repeat(10_001);
        let rejected = checked(&request(&long, &[])).unwrap_err();
        assert_eq!(
            rejected.error,
            "Security violation: Code exceeds maximum length of 10000 characters"
        );
        assert!(checked(&request(&long, &[("max_code_length", number(20_000.0))])).is_ok());
        assert!(checked(&request("abc", &[("max_code_length", number(2.0))])).is_err());
        assert!(checked(&request(&"é".repeat(10_000), &[])).is_ok());
    }

    #[test]
    fn a_tool_call_timeout_that_is_none_is_named() {
        let text = Value { kind: Some(Kind::StringValue("x".into())) };
        for bad in [number(-1.0), number(0.0), number(f64::NAN), number(f64::INFINITY), text] {
            let rejected = checked(&request("", &[("tool_call_timeout", bad)])).unwrap_err();
            assert!(rejected.error.contains("tool_call_timeout"), "{}", rejected.error);
        }
        let asked = checked(&request("", &[("tool_call_timeout", number(0.5))])).unwrap();
        assert_eq!(asked.tool_call_timeout, Duration::from_millis(500));
    }

    #[test]
    fn timeouts_are_capped_defaulted_and_never_negative() {
        let asked = |timeout| checked(&ExecutionRequest { timeout, ..request("", &[]) });
        assert_eq!(asked(0).unwrap().timeout, Duration::from_secs(30));
        assert_eq!(asked(5).unwrap().timeout, Duration::from_secs(5));
        assert_eq!(asked(500).unwrap().timeout, Duration::from_secs(30));
        assert!(asked(-5).unwrap_err().error.contains("-5"));
    }

    #[test]
    fn an_unknown_wall_is_refused() {
        let mut request = request("", &[]);
        request.required_walls = vec!["moat".into()];
        assert!(checked(&request).is_err());
        request.required_walls = vec!["seccomp".into()];
        assert_eq!(checked(&request).unwrap().required, [Wall::Seccomp]);
    }
}
