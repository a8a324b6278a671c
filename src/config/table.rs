//! The one list of settings: key, variables, type and range.

use std::time::Duration;

use super::model::{
    Limits, LogFormat, LogLevel, NetworkMode, Sampler, Start, StaticChecks, Tier, TlsMode,
};
use super::parse;
use super::slot::{Given, Row, Schema, Slot, row};

/// Settings that are typed but not yet checked against each other.
#[derive(Default)]
pub(super) struct Draft {
    pub host: Option<String>,
    pub port: u64,
    pub main_app_grpc_target: Option<String>,
    pub api_key: Option<String>,
    pub limits: Limits,
    pub allow_direct_execution: bool,
    pub allowed_commands: Option<Vec<String>>,
    pub static_checks: StaticChecks,
    pub allow_unauthenticated: bool,
    pub accept_tier: Tier,
    pub required_walls: Option<Vec<String>>,
    pub wanted_walls: Option<Vec<String>>,
    pub network_mode: NetworkMode,
    pub allowed_domains: Option<Vec<String>>,
    pub blocked_domains: Option<Vec<String>>,
    pub tls: TlsDraft,
    pub callback_tls: CallbackDraft,
    pub log_level: LogLevel,
    pub log_format: LogFormat,
    pub audit: AuditDraft,
    pub metrics: MetricsDraft,
    pub telemetry: TelemetryDraft,
    pub python: Option<String>,
    pub start: Start,
    pub preload: Option<Vec<String>>,
    pub workspace: Option<String>,
    pub outputs: Option<String>,
    pub shutdown_grace: Duration,
    pub metadata_ttl: Duration,
}

/// The `tls` block.
#[derive(Default)]
pub(super) struct TlsDraft {
    pub enabled: bool,
    pub mode: TlsMode,
    pub cert_file: Option<String>,
    pub key_file: Option<String>,
    pub ca_file: Option<String>,
    pub require_client_auth: bool,
}

/// The `callback_tls` block.
#[derive(Default)]
pub(super) struct CallbackDraft {
    pub enabled: bool,
    pub ca_file: Option<String>,
    pub client_cert: Option<String>,
    pub client_key: Option<String>,
}

/// The `audit` block.
#[derive(Default)]
pub(super) struct AuditDraft {
    pub enabled: bool,
    pub file: Option<String>,
    pub include_code: bool,
}

/// The `metrics` block.
#[derive(Default)]
pub(super) struct MetricsDraft {
    pub port: u64,
    pub host: Option<String>,
}

/// The `telemetry` block.
#[derive(Default)]
pub(super) struct TelemetryDraft {
    pub otlp_endpoint: Option<String>,
    pub service_name: Option<String>,
    pub sampler: Sampler,
    pub sampler_arg: f64,
}

impl Draft {
    /// The defaults of all settings.
    pub(super) fn new() -> Self {
        Self {
            host: Some("0.0.0.0".to_owned()),
            port: 8001,
            main_app_grpc_target: Some("localhost:50051".to_owned()),
            shutdown_grace: Duration::from_secs(10),
            metadata_ttl: Duration::from_secs(60),
            telemetry: TelemetryDraft { sampler_arg: 1.0, ..TelemetryDraft::default() },
            ..Self::default()
        }
    }
}

/// The row of `key`.
pub(super) fn find(key: &str) -> Option<&'static Row> {
    SIDECAR.find(key)
}

/// The sidecar's own file.
pub(super) static SIDECAR: Schema = Schema { rows: TABLE, open: &[] };

const PATH: &str = "the path of a PEM file";
const DIRECTORY: &str = "an absolute path of a directory, without `..`";
const DOMAINS: &str =
    "domain names such as `pypi.org` or `*.example.com`, without scheme, port and path";
const WALLS: &str = "a list of names of walls";
const MODULES: &str =
    "at most 64 names of modules, each of at most 128 bytes, such as `numpy` or `os.path`";
/// As the text above has it.
const MOST_MODULES: usize = 64;
const COMMANDS: &str = "a list of command names without spaces";
const TARGET: &str = "host:port with a port from 1 to 65535, such as `localhost:50051`";
const ENDPOINT: &str = "the http:// or https:// address of a collector that takes OTLP over gRPC, such as \
     `http://localhost:4317`";
const SERVICE: &str = "a name of 1 to 100 visible ASCII characters";
const KEY: &str = "visible ASCII characters without spaces or line breaks at the ends";

const K: u64 = 1 << 10;
const M: u64 = 1 << 20;
const G: u64 = 1 << 30;
const T: u64 = 1 << 40;

use Slot::{Bool, Choice, List, Names, Ratio, Seconds, Size, Text, Whole, WholeSeconds};

/// Every setting. Where a row has a `CODEMODE_GRPC_TLS_*` variable, that is its older name.
#[rustfmt::skip]
pub(super) static TABLE: &[Row] = &[
    row("port", &["CODEMODE_SIDECAR_PORT"], Whole(1, 65_535, |d| &mut d.port)),
    row("host", &["CODEMODE_SIDECAR_HOST"], Text("an IP address or a host name", parse::host, |d| &mut d.host)),
    row("main_app_grpc_target", &["MAIN_APP_GRPC_TARGET", "CODEMODE_MAIN_APP_TARGET", "CODEMODE_MAIN_APP_GRPC_TARGET"],
        Text(TARGET, parse::target, |d| &mut d.main_app_grpc_target)),
    row("api_key", &["CODEMODE_API_KEY"], Slot::Secret(KEY, parse::api_key, |d| &mut d.api_key)),

    row("limits.code_timeout", &["CODEMODE_CODE_TIMEOUT"], WholeSeconds(1, 300, |d| &mut d.limits.code_timeout)),
    row("limits.max_code_length", &["CODEMODE_MAX_CODE_LENGTH"], Whole(100, 100_000, |d| &mut d.limits.max_code_length)),
    row("limits.cpu_time", &["CODEMODE_CPU_TIME"], WholeSeconds(1, 3600, |d| &mut d.limits.cpu_time)),
    row("limits.memory", &["CODEMODE_MEMORY_LIMIT"], Size(32 * M, T, |d| &mut d.limits.memory)),
    row("limits.processes", &["CODEMODE_PROCESS_LIMIT"], Whole(1, 32_768, |d| &mut d.limits.processes)),
    row("limits.open_files", &["CODEMODE_OPEN_FILES"], Whole(16, 1_048_576, |d| &mut d.limits.open_files)),
    row("limits.file_size", &["CODEMODE_FILE_SIZE"], Size(4 * K, T, |d| &mut d.limits.file_size)),
    row("limits.scratch_size", &["CODEMODE_SCRATCH_SIZE"], Size(64 * K, T, |d| &mut d.limits.scratch_size)),
    row("limits.scratch_inodes", &["CODEMODE_SCRATCH_INODES"], Whole(16, 10_000_000, |d| &mut d.limits.scratch_inodes)),
    row("limits.output", &["CODEMODE_OUTPUT_LIMIT"], Size(0, G, |d| &mut d.limits.output)),
    row("limits.result", &["CODEMODE_RESULT_LIMIT"], Size(K, 256 * M, |d| &mut d.limits.result)),
    row("limits.tool_result", &["CODEMODE_TOOL_RESULT_LIMIT"], Size(K, 256 * M, |d| &mut d.limits.tool_result)),
    row("limits.request", &["CODEMODE_REQUEST_LIMIT"], Size(64 * K, 256 * M, |d| &mut d.limits.request)),
    row("limits.tools", &["CODEMODE_TOOLS_LIMIT"], Whole(1, 100_000, |d| &mut d.limits.tools)),
    row("limits.concurrent_runs", &["CODEMODE_CONCURRENT_RUNS"], Whole(1, 10_000, |d| &mut d.limits.concurrent_runs)),
    row("limits.queue", &["CODEMODE_QUEUE"], Whole(0, 100_000, |d| &mut d.limits.queue)),
    row("limits.ready_least", &["CODEMODE_READY_LEAST"], Whole(0, 1_000, |d| &mut d.limits.ready_least)),
    row("limits.ready_most", &["CODEMODE_READY_MOST"], Whole(0, 1_000, |d| &mut d.limits.ready_most)),

    row("security.allow_direct_execution", &["CODEMODE_ALLOW_DIRECT_EXECUTION"], Bool(|d| &mut d.allow_direct_execution)),
    row("security.allowed_commands", &["CODEMODE_ALLOWED_COMMANDS"], List(COMMANDS, parse::word, |d| &mut d.allowed_commands)),
    row("security.static_checks", &["CODEMODE_STATIC_CHECKS"],
        Choice(StaticChecks::NAMES, |d, text| put(&mut d.static_checks, StaticChecks::parse(text)), |d| d.static_checks.as_str())),
    row("security.allow_unauthenticated", &["CODEMODE_ALLOW_UNAUTHENTICATED"], Bool(|d| &mut d.allow_unauthenticated)),
    row("security.accept_tier", &["CODEMODE_ACCEPT_TIER"],
        Choice(Tier::NAMES, |d, text| put(&mut d.accept_tier, Tier::parse(text)), |d| d.accept_tier.as_str())),
    row("security.required_walls", &["CODEMODE_REQUIRED_WALLS"], List(WALLS, parse::word, |d| &mut d.required_walls)),
    row("security.wanted_walls", &["CODEMODE_WANTED_WALLS"], List(WALLS, parse::word, |d| &mut d.wanted_walls)),

    row("network.mode", &["EXECUTOR_NETWORK_MODE"],
        Choice(NetworkMode::NAMES, |d, text| put(&mut d.network_mode, NetworkMode::parse(text)), |d| d.network_mode.as_str())),
    row("network.allowed_domains", &["CODEMODE_ALLOWED_DOMAINS"], List(DOMAINS, parse::domain, |d| &mut d.allowed_domains)),
    row("network.blocked_domains", &["CODEMODE_BLOCKED_DOMAINS"], List(DOMAINS, parse::domain, |d| &mut d.blocked_domains)),

    row("tls.enabled", &["CODEMODE_TLS_ENABLED", "CODEMODE_GRPC_TLS_ENABLED"], Bool(|d| &mut d.tls.enabled)),
    row("tls.mode", &["CODEMODE_TLS_MODE", "CODEMODE_GRPC_TLS_MODE"],
        Choice(TlsMode::NAMES, |d, text| put(&mut d.tls.mode, TlsMode::parse(text)), |d| d.tls.mode.as_str())),
    row("tls.cert_file", &["CODEMODE_TLS_CERT_FILE", "CODEMODE_GRPC_TLS_CERT_FILE"],
        Text(PATH, parse::path, |d| &mut d.tls.cert_file)),
    row("tls.key_file", &["CODEMODE_TLS_KEY_FILE", "CODEMODE_GRPC_TLS_KEY_FILE"],
        Text(PATH, parse::path, |d| &mut d.tls.key_file)),
    row("tls.ca_file", &["CODEMODE_TLS_CA_FILE", "CODEMODE_GRPC_TLS_CA_FILE"],
        Text(PATH, parse::path, |d| &mut d.tls.ca_file)),
    row("tls.require_client_auth", &["CODEMODE_TLS_REQUIRE_CLIENT_AUTH", "CODEMODE_GRPC_TLS_REQUIRE_CLIENT_AUTH"],
        Bool(|d| &mut d.tls.require_client_auth)),

    row("callback_tls.enabled", &["CODEMODE_CALLBACK_TLS_ENABLED", "CODEMODE_GRPC_TLS_ENABLED"],
        Bool(|d| &mut d.callback_tls.enabled)),
    row("callback_tls.ca_file", &["CODEMODE_CALLBACK_TLS_CA_FILE", "CODEMODE_GRPC_TLS_CA_FILE"],
        Text(PATH, parse::path, |d| &mut d.callback_tls.ca_file)),
    row("callback_tls.client_cert", &["CODEMODE_CALLBACK_TLS_CLIENT_CERT", "CODEMODE_GRPC_TLS_CLIENT_CERT_FILE"],
        Text(PATH, parse::path, |d| &mut d.callback_tls.client_cert)),
    row("callback_tls.client_key", &["CODEMODE_CALLBACK_TLS_CLIENT_KEY", "CODEMODE_GRPC_TLS_CLIENT_KEY_FILE"],
        Text(PATH, parse::path, |d| &mut d.callback_tls.client_key)),

    row("log_level", &["CODEMODE_LOG_LEVEL"],
        Choice(LogLevel::NAMES, |d, text| put(&mut d.log_level, LogLevel::parse(text)), |d| d.log_level.as_str())),
    row("log_format", &["CODEMODE_LOG_FORMAT"],
        Choice(LogFormat::NAMES, |d, text| put(&mut d.log_format, LogFormat::parse(text)), |d| d.log_format.as_str())),
    row("audit.enabled", &["CODEMODE_AUDIT"], Bool(|d| &mut d.audit.enabled)),
    row("audit.file", &["CODEMODE_AUDIT_FILE"], Text("the path of a file", parse::path, |d| &mut d.audit.file)),
    row("audit.include_code", &["CODEMODE_AUDIT_INCLUDE_CODE"], Bool(|d| &mut d.audit.include_code)),
    row("metrics.port", &["CODEMODE_METRICS_PORT"], Whole(0, 65_535, |d| &mut d.metrics.port)),
    row("metrics.host", &["CODEMODE_METRICS_HOST"],
        Text("an IP address or a host name", parse::host, |d| &mut d.metrics.host)),
    row("telemetry.otlp_endpoint", &["CODEMODE_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
        Text(ENDPOINT, parse::endpoint, |d| &mut d.telemetry.otlp_endpoint)),
    row("telemetry.service_name", &["OTEL_SERVICE_NAME"], Text(SERVICE, parse::name, |d| &mut d.telemetry.service_name)),
    row("telemetry.sampler", &["OTEL_TRACES_SAMPLER"],
        Choice(Sampler::NAMES, |d, text| put(&mut d.telemetry.sampler, Sampler::parse(text)), |d| d.telemetry.sampler.as_str())),
    row("telemetry.sampler_arg", &["OTEL_TRACES_SAMPLER_ARG"], Ratio(|d| &mut d.telemetry.sampler_arg)),
    row("python", &["CODEMODE_PYTHON"], Text("a path or a program name, in quotes", parse::path, |d| &mut d.python)),
    row("start", &["CODEMODE_START"],
        Choice(Start::NAMES, |d, text| put(&mut d.start, Start::parse(text)), |d| d.start.as_str())),
    row("preload", &["CODEMODE_PRELOAD"], Names(MOST_MODULES, MODULES, parse::module, |d| &mut d.preload)),
    row("mounts.workspace", &["CODEMODE_WORKSPACE"], Text(DIRECTORY, parse::absolute_path, |d| &mut d.workspace)),
    row("mounts.outputs", &["CODEMODE_OUTPUTS"], Text(DIRECTORY, parse::absolute_path, |d| &mut d.outputs)),
    row("shutdown_grace", &["CODEMODE_SHUTDOWN_GRACE"], Seconds(0, 600, |d| &mut d.shutdown_grace)),
    row("metadata_ttl", &["CODEMODE_METADATA_TTL"], Seconds(0, 86_400, |d| &mut d.metadata_ttl)),
];

/// The value of `preload` as a text gives it, under the same rules.
pub(super) fn modules(text: &str) -> Result<Vec<String>, String> {
    let (mut draft, given) = (Draft::default(), Given::Text(text.to_owned()));
    if let Some(Row { slot, .. }) = find("preload") {
        let refuse = |value| format!("{value} is not allowed; give {}", slot.allowed());
        slot.set(&mut draft, &given).map_err(refuse)?;
    }
    Ok(draft.preload.unwrap_or_default())
}

/// Whether there was a value to put.
pub(super) fn put<T>(place: &mut T, value: Option<T>) -> bool {
    let found = value.is_some();
    if let Some(value) = value {
        *place = value;
    }
    found
}
