//! The interpreter that runs are forked from: what they can't find of each other, what they don't share, and what
//! comes after its death.

use codemode::grpc::proto::ExecutionResponse;
use serde_json::Value;

use crate::harness::Sidecar;

#[path = "warm/deaths.rs"]
mod deaths;
#[path = "warm/groups.rs"]
mod groups;
#[path = "warm/networks.rs"]
mod networks;
#[path = "warm/random.rs"]
mod random;
#[path = "warm/refusals.rs"]
mod refusals;
#[path = "warm/traces.rs"]
mod traces;

/// Where the interpreter of a run came from.
fn start(answer: &ExecutionResponse) -> &str {
    answer.report.as_ref().map_or("", |report| &report.start)
}

/// What `code` had for its `result`, in a run that was forked from the warm interpreter.
#[track_caller]
fn warm_result(answer: &ExecutionResponse) -> Value {
    assert!(answer.success, "{} {} {}", answer.error_type, answer.error, answer.stderr);
    assert_eq!(start(answer), "warm", "{:?}", answer.report);
    serde_json::from_str(&answer.result).unwrap()
}

async fn service(environment: &[(&str, &str)]) -> Sidecar {
    Sidecar::start(&[environment, &[("CODEMODE_START", "warm")]].concat()).await
}
