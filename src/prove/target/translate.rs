//! From an answer of the service to the report that it was made of.

use serde_json::{Value, json};

use crate::grpc::proto;
use crate::report::{Report, Usage, Verdict};
use crate::sandbox::messages::Outputs;

/// What an answer says of its run.
///
/// # Errors
/// In a sentence, why it is none: a request that was not run has no report.
pub fn report_of(answer: &proto::ExecutionResponse) -> Result<Report, String> {
    let Some(report) = &answer.report else {
        return Err(format!("no report; {}: {}", answer.error_type, answer.error));
    };
    let parsed = |name: &str, value: Value| format!("the answer's {name} is unknown: {value}");
    let verdict: Verdict = serde_json::from_value(json!(report.verdict))
        .map_err(|_| parsed("verdict", json!(report.verdict)))?;
    let start = Some(&report.start).filter(|start| !start.is_empty());
    let start = start.map(|start| serde_json::from_value(json!(start))).transpose();
    // A newer service may have walls that this binary doesn't know.
    let walls = report.walls.iter().filter_map(|wall| {
        let errno = (wall.errno != 0).then_some(wall.errno);
        let fix = Some(&wall.fix).filter(|fix| !fix.is_empty());
        let value = json!({
            "wall": wall.name, "standing": wall.standing, "how": wall.how, "errno": errno, "fix": fix,
        });
        serde_json::from_value(value).ok()
    });
    Ok(Report {
        verdict,
        evidence: report.evidence.clone(),
        start: start.map_err(|_| parsed("start", json!(report.start)))?,
        exit_code: report.exit_code,
        signal: report.signal,
        result: Some(answer.result.clone()).filter(|result| !result.is_empty()),
        exception: report.exception.clone(),
        message: report.message.clone(),
        stdout: answer.stdout.clone(),
        stderr: answer.stderr.clone(),
        usage: report.usage.as_ref().map(usage).unwrap_or_default(),
        walls: walls.collect(),
    })
}

fn usage(usage: &proto::Usage) -> Usage {
    let outputs = usage.outputs_files.map(|files| Outputs {
        files,
        bytes: usage.outputs_bytes.unwrap_or_default(),
        skipped: usage.outputs_left_behind.unwrap_or_default(),
        ..Outputs::default()
    });
    Usage {
        start_ms: usage.start_ms,
        wall_ms: usage.wall_ms,
        teardown_ms: usage.teardown_ms,
        tool_wait_ms: usage.tool_wait_ms,
        cpu_ms: usage.cpu_ms,
        user_ms: usage.user_ms,
        system_ms: usage.system_ms,
        memory_peak: usage.memory_peak,
        memory_anon: usage.memory_anon,
        memory_file: usage.memory_file,
        max_rss: usage.max_rss,
        processes_peak: usage.processes_peak,
        bytes_written: usage.bytes_written,
        scratch_bytes: usage.scratch_bytes,
        stdout_bytes: usage.stdout_bytes,
        stderr_bytes: usage.stderr_bytes,
        stdout_cut: usage.stdout_cut,
        stderr_cut: usage.stderr_cut,
        tool_calls: usage.tool_calls,
        exec_refusals: usage.exec_refusals,
        outputs,
        proxy_refusals: usage.proxy_refusals,
    }
}
