//! The round trip of a tool call: sandbox, service, main application and back.

use std::time::Duration;

use serde::Serialize;

use super::application::{Application, ECHO};
use super::stats::{Failed, Times};
use super::{BenchError, Progress};
use crate::grpc::proto::ExecutionRequest;
use crate::harness::service::{Service, Setup};

/// Calls at the start that are not counted: the first connects to the main application.
const WARM_UP: usize = 10;

/// Synchronous calls from one run, one after the other.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ToolCalls {
    /// Calls that warmed up and are not counted.
    pub dropped: usize,
    /// As the program measures it, without what the tool itself took.
    #[serde(flatten)]
    pub times: Option<Times>,
    /// What the tool itself took, in the main application.
    pub tool_p50_ms: Option<f64>,
    #[serde(flatten)]
    pub failed: Failed,
}

/// The program: times of `count` calls in nanoseconds.
fn program(count: usize) -> String {
    format!(
        "import time\n\
         call, now, times = tools['{ECHO}'].run, time.perf_counter_ns, []\n\
         for number in range({count}):\n\
         \x20   begun = now()\n\
         \x20   answer = call(value=number)\n\
         \x20   times.append(now() - begun)\n\
         \x20   assert answer == number, answer\n\
         result = times\n"
    )
}

pub async fn measure(
    setup: &Setup,
    app: &Application,
    calls: usize,
    progress: Progress<'_>,
) -> Result<ToolCalls, BenchError> {
    progress(&format!("tools: {calls} calls"));
    let service = Service::start(setup, &[("CODEMODE_CODE_TIMEOUT", "300")]).await?;
    let request = ExecutionRequest {
        code: program(WARM_UP + calls),
        available_tools: vec![ECHO.to_owned()],
        ..ExecutionRequest::default()
    };
    let answered = service.caller().await?.execute(request).await;
    let mut failed = Failed::default();
    let times: Vec<u64> = match answered.map(|answer| serde_json::from_str(&answer.result)) {
        Ok(Ok(times)) => times,
        Ok(Err(error)) => {
            failed.add(format!("the result is no list of times: {error}"));
            Vec::new()
        }
        Err(why) => {
            failed.add(why);
            Vec::new()
        }
    };
    let took = app.took();
    let of_tool = |number: usize| took.get(&(number as u64)).copied().unwrap_or_default();
    let counted = || times.iter().enumerate().skip(WARM_UP);
    let net =
        counted().map(|(number, time)| Duration::from_nanos(*time).saturating_sub(of_tool(number)));
    let tool = Times::of(counted().map(|(number, _)| of_tool(number)));
    Ok(ToolCalls {
        dropped: WARM_UP,
        times: Times::of(net),
        tool_p50_ms: tool.map(|tool| tool.p50_ms),
        failed,
    })
}
