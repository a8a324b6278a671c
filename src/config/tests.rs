//! Loading from all sources together.

mod faults;
mod observe;
mod start;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::table::TABLE;
use super::*;

/// A working directory, an environment and flags for one load.
pub(super) struct Bench {
    pub dir: tempfile::TempDir,
    pub env: Environment,
    pub host: Option<&'static str>,
    pub port: Option<u16>,
    pub config: Option<PathBuf>,
    pub allow_unauthenticated: bool,
}

impl Bench {
    /// Nothing but a loopback host, so that no key is needed.
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            env: Environment::new(),
            host: Some("127.0.0.1"),
            port: None,
            config: None,
            allow_unauthenticated: false,
        }
    }

    pub fn with_file(self, text: &str) -> Self {
        self.write("codemode-sidecar.yaml", text)
    }

    pub fn write(self, name: &str, text: &str) -> Self {
        fs::write(self.dir.path().join(name), text).unwrap();
        self
    }

    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    pub fn load(&self) -> Result<Config, ConfigError> {
        load(&Sources {
            file: self.config.as_deref(),
            env: &self.env,
            cwd: self.dir.path(),
            host: self.host,
            port: self.port,
            allow_unauthenticated: self.allow_unauthenticated,
        })
    }

    /// The report of a load that must fail, and its number of faults.
    pub fn report(&self) -> (String, usize) {
        let error = self.load().unwrap_err();
        assert_eq!(error.to_string().lines().count(), error.faults().len(), "{error}");
        (error.to_string(), error.faults().len())
    }
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}

#[test]
fn the_table_has_every_setting_that_deployments_use() {
    const COMPATIBLE: &[(&str, &str)] = &[
        ("port", "CODEMODE_SIDECAR_PORT"),
        ("host", "CODEMODE_SIDECAR_HOST"),
        (
            "main_app_grpc_target",
            "MAIN_APP_GRPC_TARGET CODEMODE_MAIN_APP_TARGET CODEMODE_MAIN_APP_GRPC_TARGET",
        ),
        ("api_key", "CODEMODE_API_KEY"),
        ("limits.code_timeout", "CODEMODE_CODE_TIMEOUT"),
        ("limits.max_code_length", "CODEMODE_MAX_CODE_LENGTH"),
        ("security.allow_direct_execution", "CODEMODE_ALLOW_DIRECT_EXECUTION"),
        ("security.allowed_commands", "CODEMODE_ALLOWED_COMMANDS"),
        ("tls.enabled", "CODEMODE_TLS_ENABLED CODEMODE_GRPC_TLS_ENABLED"),
        ("tls.mode", "CODEMODE_TLS_MODE CODEMODE_GRPC_TLS_MODE"),
        ("tls.cert_file", "CODEMODE_TLS_CERT_FILE CODEMODE_GRPC_TLS_CERT_FILE"),
        ("tls.key_file", "CODEMODE_TLS_KEY_FILE CODEMODE_GRPC_TLS_KEY_FILE"),
        ("tls.ca_file", "CODEMODE_TLS_CA_FILE CODEMODE_GRPC_TLS_CA_FILE"),
        (
            "tls.require_client_auth",
            "CODEMODE_TLS_REQUIRE_CLIENT_AUTH CODEMODE_GRPC_TLS_REQUIRE_CLIENT_AUTH",
        ),
        ("callback_tls.enabled", "CODEMODE_CALLBACK_TLS_ENABLED CODEMODE_GRPC_TLS_ENABLED"),
        ("callback_tls.ca_file", "CODEMODE_CALLBACK_TLS_CA_FILE CODEMODE_GRPC_TLS_CA_FILE"),
        (
            "callback_tls.client_cert",
            "CODEMODE_CALLBACK_TLS_CLIENT_CERT CODEMODE_GRPC_TLS_CLIENT_CERT_FILE",
        ),
        (
            "callback_tls.client_key",
            "CODEMODE_CALLBACK_TLS_CLIENT_KEY CODEMODE_GRPC_TLS_CLIENT_KEY_FILE",
        ),
        ("log_level", "CODEMODE_LOG_LEVEL"),
        ("network.mode", "EXECUTOR_NETWORK_MODE"),
    ];
    for (key, vars) in COMPATIBLE {
        let row = table::find(key).unwrap_or_else(|| panic!("{key} is missing"));
        assert_eq!(row.vars.join(" "), *vars);
    }
    let keys: BTreeSet<_> = TABLE.iter().map(|row| row.key).collect();
    assert_eq!(keys.len(), TABLE.len(), "a key stands twice");
}

#[test]
fn defaults() {
    let mut bench = Bench::new();
    bench.host = None;
    bench.allow_unauthenticated = true;
    let config = bench.load().unwrap();
    assert_eq!((config.host.as_str(), config.port), ("0.0.0.0", 8001));
    assert_eq!(config.main_app_grpc_target, "localhost:50051");
    assert!(config.api_key.is_none() && config.tls.is_none() && config.callback_tls.is_none());
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.network, Network::default());
    assert_eq!(config.log_level, LogLevel::Info);
    assert_eq!((config.shutdown_grace.as_secs(), config.metadata_ttl.as_secs()), (10, 60));
    assert!(config.source.is_none());
    assert_contains(&config.warnings.join("\n"), &["no API key", "0.0.0.0"]);
}

#[test]
fn every_default_is_in_its_own_range() {
    // Each limit at its default, written out, must load; so must each end of its range.
    let yaml = "limits: {code_timeout: 30, max_code_length: 10000, cpu_time: 60, memory: 512M, processes: 128, \
                open_files: 256, file_size: 64M, scratch_size: 128M, scratch_inodes: 16384, output: 1M, \
                result: 8M, tool_result: 4M, request: 4M, tools: 16384, concurrent_runs: 32, queue: 128, ready_least: 2, ready_most: 16}";
    let config = Bench::new().with_file(yaml).load().unwrap();
    assert_eq!(config.limits, Limits::default());
    for (min, max) in [(("1", "32M"), ("300", "1T")), (("300", "33554432"), ("1", "1024GiB"))] {
        let bench = Bench::new()
            .with_env("CODEMODE_CODE_TIMEOUT", min.0)
            .with_env("CODEMODE_MEMORY_LIMIT", max.1);
        assert!(bench.load().is_ok());
        let bench = Bench::new()
            .with_env("CODEMODE_CODE_TIMEOUT", max.0)
            .with_env("CODEMODE_MEMORY_LIMIT", min.1);
        assert!(bench.load().is_ok());
    }
}

#[test]
fn file_then_environment_then_flags() {
    let yaml = "host: 10.0.0.1\nport: 1001\napi_key: from-file\nmain_app_grpc_target: ${APP:-app}:7/\n\
                limits:\n  memory: 1G\n  code_timeout: 20\nsecurity:\n  static_checks: off\n\
                \x20 allowed_commands: [grep, \"${TOOL}\"]\n  allow_direct_execution: yes\n  required_walls: []\n\
                network:\n  mode: restricted\n  allowed_domains: [PyPI.org]\nlog_level: warning\n";
    let mut bench = Bench::new()
        .with_file(yaml)
        .with_env("TOOL", "cat")
        .with_env("CODEMODE_SIDECAR_PORT", "1002")
        .with_env("CODEMODE_CODE_TIMEOUT", " 25 ")
        .with_env("CODEMODE_LOG_LEVEL", "")
        .with_env("CODEMODE_WANTED_WALLS", "seccomp, landlock,")
        .with_env("CODEMODE_SHUTDOWN_GRACE", "0.5");
    bench.host = None;
    let config = bench.load().unwrap();
    assert_eq!((config.host.as_str(), config.port), ("10.0.0.1", 1002));
    assert_eq!(config.main_app_grpc_target, "app:7");
    assert_eq!(config.api_key.as_ref().map(Secret::expose), Some("from-file"));
    assert_eq!((config.limits.memory, config.limits.code_timeout.as_secs()), (1 << 30, 25));
    assert_eq!(config.security.allowed_commands, ["grep", "cat"]);
    assert!(config.security.allow_direct_execution);
    assert_eq!(config.security.required_walls, Some(vec![]));
    assert_eq!(config.security.wanted_walls, Some(vec!["seccomp".into(), "landlock".into()]));
    assert_eq!(config.network.mode, NetworkMode::Restricted);
    assert_eq!(config.network.allowed_domains, ["pypi.org"]);
    assert_eq!(config.log_level, LogLevel::Warning);
    assert_eq!(config.shutdown_grace, Duration::from_millis(500));
    assert_eq!(config.warnings, Vec::<String>::new());
    assert!(!format!("{config:?}").contains("from-file"));

    bench.host = Some("::1");
    bench.port = Some(1003);
    let config = bench.load().unwrap();
    assert_eq!((config.host.as_str(), config.port), ("::1", 1003));
}

#[test]
fn the_file_is_found_in_the_promised_order() {
    let mut bench = Bench::new().write("sidecar.yaml", "port: 1");
    let port = |bench: &Bench| bench.load().unwrap().port;
    assert_eq!(port(&bench), 1);
    bench = bench.write("codemode-sidecar.yaml", "port: 2");
    assert_eq!(port(&bench), 2);
    bench = bench.write("other.yaml", "port: 3").with_env("CODEMODE_SIDECAR_CONFIG", "other.yaml");
    assert_eq!(port(&bench), 3);
    bench = bench.write("flag.yaml", "port: 4");
    bench.config = Some("flag.yaml".into());
    assert_eq!(port(&bench), 4);
    assert_eq!(bench.load().unwrap().source, Some(bench.dir.path().join("flag.yaml")));

    bench.config = Some("gone.yaml".into());
    assert_contains(&bench.report().0, &["gone.yaml", "--config"]);
    bench.config = None;
    bench = bench.with_env("CODEMODE_SIDECAR_CONFIG", "lost.yaml");
    assert_contains(&bench.report().0, &["lost.yaml", "CODEMODE_SIDECAR_CONFIG"]);
}

#[test]
fn the_first_name_of_the_target_wins_with_a_warning() {
    let bench = Bench::new()
        .with_env("CODEMODE_MAIN_APP_GRPC_TARGET", "c:3")
        .with_env("CODEMODE_MAIN_APP_TARGET", "b:2");
    assert_eq!(bench.load().unwrap().main_app_grpc_target, "b:2");
    let config = bench.with_env("MAIN_APP_GRPC_TARGET", "a:1").load().unwrap();
    assert_eq!(config.main_app_grpc_target, "a:1");
    // The last name is there to give way, and nobody need be told that it does.
    assert_eq!(config.warnings.len(), 1);
    assert_contains(
        &config.warnings.join("\n"),
        &["MAIN_APP_GRPC_TARGET and CODEMODE_MAIN_APP_TARGET both set"],
    );
}

#[test]
fn unknown_variables_warn_only_in_our_own_name_space() {
    let bench = Bench::new()
        .with_env("CODEMODE_SIDECAR_PROT", "1")
        .with_env("CODEMODE_EXECUTOR_URL", "x")
        .with_env("CODEMODE_ALLOWED_COMMANDS", "ls")
        .with_env("CODEMODE_BLOCKED_DOMAINS", "a.org");
    let warnings = bench.load().unwrap().warnings;
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert_contains(
        &warnings.join("\n"),
        &["CODEMODE_SIDECAR_PROT", "allowed_commands", "domain lists"],
    );
}
