//! The interpreter that runs are forked from: what they can't find of each other, what they don't share, and what
//! comes after its death.

use std::time::Duration;

use codemode::grpc::proto::{ExecutionRequest, ExecutionResponse};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::harness::{MainApp, Sidecar, eventually, request};

#[path = "warm/crowd.rs"]
mod crowd;
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

async fn service_with_app(environment: &[(&str, &str)]) -> (Sidecar, MainApp) {
    let app = MainApp::start().await;
    let target = app.target();
    (service(&[environment, &[("MAIN_APP_GRPC_TARGET", &target)]].concat()).await, app)
}

/// Begins `count` runs that live at the same time: each is held by a tool, and goes on with `code`.
async fn held_at_once(
    sidecar: &Sidecar,
    app: &MainApp,
    code: &str,
    count: usize,
) -> Vec<JoinHandle<ExecutionResponse>> {
    let call = ExecutionRequest {
        available_tools: vec!["hold".to_owned()],
        ..request(&format!("tools['hold'].run()\n{code}"))
    };
    let before = app.tools.seen.lock().unwrap().len();
    let calls = sidecar.begin_all(&call, count).await;
    let all = || app.tools.seen.lock().unwrap().len() == before + count;
    eventually("all live at once", Duration::from_secs(30), all).await;
    calls
}
