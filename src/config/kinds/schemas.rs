//! Keys, types and ranges of the files of an application, as its library reads them.

use super::*;
use crate::config::slot::Slot::{self, Bool, Choice, List, Text, Whole, WholeSeconds};
use crate::config::slot::row;
use crate::config::table::put;

const URL: &str = "an address that starts with http://, https://, grpc:// or grpcs://, such as `http://localhost:8001`";
const KEY: &str = "visible ASCII characters without spaces or line breaks at the ends";
const PATH: &str = "the path of a PEM file";
const WORD: &str = "one word";
const PREFIX: &str = "1 to 8 characters";
const TARGET: &str = "host:port with a port from 1 to 65535, such as `localhost:50051`";
const DOMAINS: &str =
    "domain names such as `pypi.org` or `*.example.com`, without scheme, port and path";
const COMMANDS: &str = "a list of command names without spaces";
const TOGETHER: &str = "a certificate and its key go together; give both, or neither";

/// An address with a scheme, trailing slashes taken off.
fn url(text: &str) -> Option<String> {
    let known = ["http://", "https://", "grpc://", "grpcs://"];
    let rest = known.iter().find_map(|scheme| text.strip_prefix(scheme))?;
    parse::path(rest).map(|_| text.trim_end_matches('/').to_owned())
}

fn prefix(text: &str) -> Option<String> {
    (1..=8).contains(&text.chars().count()).then(|| text.to_owned())
}

fn text(text: &str) -> Option<String> {
    parse::path(text)
}

/// What a client's file says.
#[derive(Default)]
pub(super) struct ClientDraft {
    url: Option<String>,
    key: Option<String>,
    timeout: Duration,
    max_code_length: u64,
    retry: bool,
    attempts: u64,
    backoff_base: u64,
    backoff_most: u64,
    tls: TlsDraft,
    log_level: LogLevel,
    correlation_id: bool,
    prefix: Option<String>,
    traceback: u64,
}

/// A `tls` block of an application.
#[derive(Default)]
struct TlsDraft {
    enabled: bool,
    mode: TlsMode,
    cert_file: Option<String>,
    key_file: Option<String>,
    ca_file: Option<String>,
    client_cert_file: Option<String>,
    client_key_file: Option<String>,
}

impl ClientDraft {
    pub(super) fn new() -> Self {
        Self {
            timeout: Duration::from_secs(35),
            max_code_length: 50_000,
            retry: true,
            attempts: 3,
            backoff_base: 100,
            backoff_most: 5_000,
            correlation_id: true,
            prefix: Some("cm".to_owned()),
            traceback: 5,
            ..Self::default()
        }
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        missing(&mut problems, "executor_url", self.url.is_none(), URL);
        missing(&mut problems, "executor_api_key", self.key.is_none(), "the sidecar's key");
        if self.backoff_base > self.backoff_most {
            let problem = "is above retry.backoff_max_ms; give a smaller number".to_owned();
            problems.push(("retry.backoff_base_ms", problem));
        }
        if self.tls.client_cert_file.is_some() != self.tls.client_key_file.is_some() {
            problems.push(("tls.client_cert_file", TOGETHER.to_owned()));
        }
        problems
    }
}

fn missing(problems: &mut Vec<Problem>, key: &'static str, is_missing: bool, allowed: &str) {
    if is_missing {
        problems.push((key, format!("is missing; give {allowed}")));
    }
}

const fn mode<D>(choose: fn(&mut D, &str) -> bool, chosen: fn(&D) -> &'static str) -> Slot<D> {
    Choice(TlsMode::NAMES, choose, chosen)
}

/// A client's file.
#[rustfmt::skip]
pub(super) static CLIENT: Schema<ClientDraft> = Schema { open: &[], rows: &[
    row("executor_url", &[], Text(URL, url, |d| &mut d.url)),
    row("executor_api_key", &[], Slot::Secret(KEY, parse::api_key, |d| &mut d.key)),
    row("executor_timeout", &[], WholeSeconds(1, 600, |d| &mut d.timeout)),
    row("max_code_length", &[], Whole(100, 100_000, |d| &mut d.max_code_length)),
    row("retry.enabled", &[], Bool(|d| &mut d.retry)),
    row("retry.max_attempts", &[], Whole(1, 10, |d| &mut d.attempts)),
    row("retry.backoff_base_ms", &[], Whole(10, 10_000, |d| &mut d.backoff_base)),
    row("retry.backoff_max_ms", &[], Whole(100, 60_000, |d| &mut d.backoff_most)),
    row("tls.enabled", &[], Bool(|d| &mut d.tls.enabled)),
    row("tls.mode", &[], mode(|d, text| put(&mut d.tls.mode, TlsMode::parse(text)), |d| d.tls.mode.as_str())),
    row("tls.ca_file", &[], Text(PATH, parse::path, |d| &mut d.tls.ca_file)),
    row("tls.client_cert_file", &[], Text(PATH, parse::path, |d| &mut d.tls.client_cert_file)),
    row("tls.client_key_file", &[], Text(PATH, parse::path, |d| &mut d.tls.client_key_file)),
    row("observability.log_level", &[],
        Choice(LogLevel::NAMES, |d, text| put(&mut d.log_level, LogLevel::parse(text)), |d| d.log_level.as_str())),
    row("observability.include_correlation_id", &[], Bool(|d| &mut d.correlation_id)),
    row("observability.correlation_id_prefix", &[], Text(PREFIX, prefix, |d| &mut d.prefix)),
    row("observability.traceback_limit", &[], Whole(0, 50, |d| &mut d.traceback)),
] };

/// What a project's file says.
#[derive(Default)]
pub(super) struct ProjectDraft {
    name: Option<String>,
    version: Option<String>,
    framework: Option<String>,
    auto_discover: bool,
    url: Option<String>,
    key: Option<String>,
    timeout: Duration,
    code_timeout: Duration,
    max_code_length: u64,
    memory_limit: Option<String>,
    network_mode: NetworkMode,
    allowed_domains: Option<Vec<String>>,
    blocked_domains: Option<Vec<String>>,
    allow_direct_execution: bool,
    allowed_commands: Option<Vec<String>>,
    tool_service: Option<String>,
    tls: TlsDraft,
    log_level: LogLevel,
}

const FRAMEWORKS: &str = "one of crewai, google-adk, langchain, langgraph";

fn framework(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    ["crewai", "google-adk", "langchain", "langgraph"].contains(&lower.as_str()).then_some(lower)
}

impl ProjectDraft {
    pub(super) fn new() -> Self {
        Self {
            timeout: Duration::from_secs(35),
            code_timeout: Duration::from_secs(30),
            max_code_length: 50_000,
            tool_service: Some("localhost:50051".to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        missing(&mut problems, "project.name", self.name.is_none(), "the project's name");
        missing(&mut problems, "framework.type", self.framework.is_none(), FRAMEWORKS);
        missing(&mut problems, "executor.url", self.url.is_none(), URL);
        missing(&mut problems, "executor.api_key", self.key.is_none(), "the sidecar's key");
        let tls = &self.tls;
        if tls.cert_file.is_some() != tls.key_file.is_some() {
            problems.push(("grpc.tls.cert_file", TOGETHER.to_owned()));
        }
        if tls.client_cert_file.is_some() != tls.client_key_file.is_some() {
            problems.push(("grpc.tls.client_cert_file", TOGETHER.to_owned()));
        }
        problems
    }
}

/// A project's file. What a framework or an application keeps beside it is theirs.
#[rustfmt::skip]
pub(super) static PROJECT: Schema<ProjectDraft> = Schema {
    open: &["framework", "executor.filesystem", "config", "logging"],
    rows: &[
    row("project.name", &[], Text("text in quotes", text, |d| &mut d.name)),
    row("project.version", &[], Text("text in quotes", text, |d| &mut d.version)),
    row("framework.type", &[], Text(FRAMEWORKS, framework, |d| &mut d.framework)),
    row("framework.auto_discover", &[], Bool(|d| &mut d.auto_discover)),
    row("executor.url", &[], Text(URL, url, |d| &mut d.url)),
    row("executor.api_key", &[], Slot::Secret(KEY, parse::api_key, |d| &mut d.key)),
    row("executor.timeout", &[], WholeSeconds(1, 600, |d| &mut d.timeout)),
    row("executor.limits.code_timeout", &[], WholeSeconds(1, 300, |d| &mut d.code_timeout)),
    row("executor.limits.max_code_length", &[], Whole(100, 100_000, |d| &mut d.max_code_length)),
    row("executor.limits.memory_limit", &[], Text(WORD, parse::word, |d| &mut d.memory_limit)),
    row("executor.network.mode", &[],
        Choice(NetworkMode::NAMES, |d, text| put(&mut d.network_mode, NetworkMode::parse(text)), |d| d.network_mode.as_str())),
    row("executor.network.allowed_domains", &[], List(DOMAINS, parse::domain, |d| &mut d.allowed_domains)),
    row("executor.network.blocked_domains", &[], List(DOMAINS, parse::domain, |d| &mut d.blocked_domains)),
    row("executor.execution.allow_direct_execution", &[], Bool(|d| &mut d.allow_direct_execution)),
    row("executor.execution.allowed_commands", &[], List(COMMANDS, parse::word, |d| &mut d.allowed_commands)),
    row("grpc.tool_service_url", &[], Text(TARGET, parse::target, |d| &mut d.tool_service)),
    row("grpc.tls.enabled", &[], Bool(|d| &mut d.tls.enabled)),
    row("grpc.tls.mode", &[], mode(|d, text| put(&mut d.tls.mode, TlsMode::parse(text)), |d| d.tls.mode.as_str())),
    row("grpc.tls.cert_file", &[], Text(PATH, parse::path, |d| &mut d.tls.cert_file)),
    row("grpc.tls.key_file", &[], Text(PATH, parse::path, |d| &mut d.tls.key_file)),
    row("grpc.tls.ca_file", &[], Text(PATH, parse::path, |d| &mut d.tls.ca_file)),
    row("grpc.tls.client_cert_file", &[], Text(PATH, parse::path, |d| &mut d.tls.client_cert_file)),
    row("grpc.tls.client_key_file", &[], Text(PATH, parse::path, |d| &mut d.tls.client_key_file)),
    row("logging.level", &[],
        Choice(LogLevel::NAMES, |d, text| put(&mut d.log_level, LogLevel::parse(text)), |d| d.log_level.as_str())),
] };
