//! From a report to the caller's answer.

use std::time::Duration;

use super::proto;
use super::request::Rejected;
use crate::policy::Limits;
use crate::report::{Report, Started, Usage, Verdict};

/// Error types that callers know, for exceptions.
const KNOWN: [&str; 10] = [
    "SyntaxError",
    "ImportError",
    "TypeError",
    "ValueError",
    "KeyError",
    "AttributeError",
    "NameError",
    "IndexError",
    "ZeroDivisionError",
    "RuntimeError",
];

/// The answer to a request that was not run.
#[must_use]
pub fn rejected(
    rejected: Rejected,
    correlation_id: String,
    took: Duration,
) -> proto::ExecutionResponse {
    proto::ExecutionResponse {
        success: false,
        error: rejected.error,
        error_type: rejected.error_type.to_owned(),
        correlation_id,
        duration_ms: took.as_secs_f32() * 1e3,
        ..proto::ExecutionResponse::default()
    }
}

/// The answer to a request that was run, or refused by its sandbox.
#[must_use]
pub fn answer(
    report: Report,
    (error, error_type): (String, &str),
    correlation_id: String,
    took: Duration,
) -> proto::ExecutionResponse {
    proto::ExecutionResponse {
        success: report.verdict == Verdict::Ok,
        result: report.result.clone().unwrap_or_default(),
        stdout: report.stdout.clone(),
        stderr: report.stderr.clone(),
        error,
        error_type: error_type.to_owned(),
        correlation_id,
        duration_ms: took.as_secs_f32() * 1e3,
        report: Some(proto_report(report)),
    }
}

/// The first of the exception's type and its bases that callers know.
fn exception_type(types: &[String]) -> &'static str {
    types
        .iter()
        .find_map(|name| KNOWN.into_iter().find(|known| known == name))
        .unwrap_or("RuntimeError")
}

fn return_code(report: &Report) -> i32 {
    let by_signal = report.signal.map(|signal| -signal);
    report.exit_code.or(by_signal).unwrap_or(-1)
}

/// What the caller is told that went wrong: a sentence and its type, both empty if nothing did.
#[must_use]
pub fn error(report: &Report, limits: &Limits) -> (String, &'static str) {
    let evidence = &report.evidence;
    let code = return_code(report);
    let failed = || format!("Execution failed with return code {code}");
    let limit = |what: &str| format!("{what} exceeded ({evidence})");
    match report.verdict {
        Verdict::Ok => (String::new(), ""),
        Verdict::Exception => (failed(), exception_type(&report.exception)),
        Verdict::ExitCode | Verdict::Signal => (failed(), "RuntimeError"),
        Verdict::Timeout => {
            let seconds = limits.wall_time.as_secs_f64();
            (format!("Execution timeout after {seconds} seconds"), "Timeout")
        }
        Verdict::CpuLimit => (limit("CPU time limit"), "CpuLimit"),
        Verdict::MemoryLimit => (limit("Memory limit"), "MemoryLimit"),
        Verdict::ProcessLimit => (limit("Process limit"), "ProcessLimit"),
        Verdict::OpenFilesLimit => (limit("Open files limit"), "OpenFilesLimit"),
        Verdict::FileSizeLimit => (limit("File size limit"), "FileSizeLimit"),
        Verdict::ScratchLimit => (limit("Scratch space limit"), "ScratchLimit"),
        Verdict::OutputLimit => (limit("Output limit"), "OutputLimit"),
        Verdict::ProtocolViolation => (
            format!("The program broke the protocol of its control socket ({evidence})"),
            "ProtocolViolation",
        ),
        Verdict::Cancelled => (format!("The run was cancelled ({evidence})"), "Cancelled"),
        Verdict::Refused => (format!("The sandbox was refused: {evidence}"), "SandboxRefused"),
        Verdict::SandboxFault => {
            (format!("The sandbox failed, not the program: {evidence}"), "SandboxFault")
        }
    }
}

fn proto_report(report: Report) -> proto::Report {
    proto::Report {
        verdict: report.verdict.to_string(),
        evidence: report.evidence,
        start: report.start.map(Started::name).unwrap_or_default().to_owned(),
        exit_code: report.exit_code,
        signal: report.signal,
        exception: report.exception,
        message: report.message,
        usage: Some(proto_usage(report.usage)),
        walls: report
            .walls
            .into_iter()
            .map(|standing| proto::Wall {
                name: standing.wall.name().to_owned(),
                standing: standing.standing,
                how: standing.how,
                errno: standing.errno.unwrap_or_default(),
                fix: standing.fix.unwrap_or_default(),
            })
            .collect(),
    }
}

fn proto_usage(usage: Usage) -> proto::Usage {
    let outputs = usage.outputs;
    proto::Usage {
        start_ms: usage.start_ms,
        wall_ms: usage.wall_ms,
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
        outputs_files: outputs.as_ref().map(|outputs| outputs.files),
        outputs_bytes: outputs.as_ref().map(|outputs| outputs.bytes),
        outputs_left_behind: outputs.map(|outputs| outputs.skipped + outputs.failed),
        proxy_refusals: usage.proxy_refusals,
        tool_wait_ms: usage.tool_wait_ms,
        teardown_ms: usage.teardown_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn an_exception_is_named_by_the_nearest_type_that_callers_know() {
        assert_eq!(
            exception_type(&types(&["ZeroDivisionError", "ArithmeticError"])),
            "ZeroDivisionError"
        );
        assert_eq!(exception_type(&types(&["ModuleNotFoundError", "ImportError"])), "ImportError");
        assert_eq!(exception_type(&types(&["IndentationError", "SyntaxError"])), "SyntaxError");
        assert_eq!(exception_type(&types(&["Mine", "Exception"])), "RuntimeError");
        assert_eq!(exception_type(&[]), "RuntimeError");
    }
}
