//! `codemode docker env`: a configuration as the variables of a container.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use crate::cli::files::{self, NewFile};
use crate::cli::output::say;
use crate::cli::{Stop, output};
use crate::config::{self, FileKind, Source, Used};

/// Turn a configuration into the container's variables
///
/// Reads a client's, a project's or a sidecar's file. Addresses of this machine (localhost) become
/// host.docker.internal, which is this machine as seen from the container. The file may hold the key,
/// so only its owner can read it.
#[derive(Args)]
pub(super) struct EnvArgs {
    /// Configuration to read
    #[arg(long, short, value_name = "FILE", default_value = "codemode.yaml")]
    config: PathBuf,
    /// File to write, or - for standard output
    #[arg(long, short, value_name = "FILE", default_value = ".env")]
    output: PathBuf,
    /// Replace a file that exists
    #[arg(long, short)]
    force: bool,
}

/// Settings of an application that the sidecar has too, under the sidecar's variable.
const SHARED: [(&str, &str); 21] = [
    ("executor_api_key", "CODEMODE_API_KEY"),
    ("max_code_length", "CODEMODE_MAX_CODE_LENGTH"),
    ("observability.log_level", "CODEMODE_LOG_LEVEL"),
    ("tls.enabled", "CODEMODE_TLS_ENABLED"),
    ("executor.api_key", "CODEMODE_API_KEY"),
    ("executor.limits.code_timeout", "CODEMODE_CODE_TIMEOUT"),
    ("executor.limits.max_code_length", "CODEMODE_MAX_CODE_LENGTH"),
    ("executor.network.mode", "EXECUTOR_NETWORK_MODE"),
    ("executor.network.allowed_domains", "CODEMODE_ALLOWED_DOMAINS"),
    ("executor.network.blocked_domains", "CODEMODE_BLOCKED_DOMAINS"),
    ("executor.execution.allow_direct_execution", "CODEMODE_ALLOW_DIRECT_EXECUTION"),
    ("executor.execution.allowed_commands", "CODEMODE_ALLOWED_COMMANDS"),
    ("grpc.tool_service_url", "MAIN_APP_GRPC_TARGET"),
    ("grpc.tls.enabled", "CODEMODE_TLS_ENABLED"),
    ("grpc.tls.mode", "CODEMODE_TLS_MODE"),
    ("grpc.tls.cert_file", "CODEMODE_TLS_CERT_FILE"),
    ("grpc.tls.key_file", "CODEMODE_TLS_KEY_FILE"),
    ("grpc.tls.ca_file", "CODEMODE_TLS_CA_FILE"),
    ("grpc.tls.client_cert_file", "CODEMODE_CALLBACK_TLS_CLIENT_CERT"),
    ("grpc.tls.client_key_file", "CODEMODE_CALLBACK_TLS_CLIENT_KEY"),
    ("logging.level", "CODEMODE_LOG_LEVEL"),
];

/// Settings that name something of the host and mean nothing in a container, and what to do instead.
const HOSTS_OWN: [(&str, &str); 3] = [
    ("python", "the image brings its own interpreter"),
    ("executor.limits.memory_limit", "it is the container's: set CODEMODE_CONTAINER_MEMORY"),
    ("host", "the container listens on all of its own addresses"),
];

const TARGET: &str = "MAIN_APP_GRPC_TARGET";
const HOST: &str = "host.docker.internal";

#[derive(Default)]
struct Environment {
    /// Name and value, each name once.
    variables: Vec<(&'static str, String)>,
    notes: Vec<String>,
}

pub(super) fn main(args: &EnvArgs) -> Result<ExitCode, Stop> {
    let cwd = env::current_dir().map_err(Stop::usage)?;
    let mut environment = of_file(&cwd.join(&args.config))?;
    if let Some(profile) = seccomp_profile(&cwd) {
        environment.set("CODEMODE_SECCOMP", profile);
    }
    let text = render(&environment, &args.config)?;
    environment.tell_notes();
    if args.output == Path::new("-") {
        output::whole(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    files::write(vec![NewFile::private(args.output.clone(), &text)], args.force)?;
    say!("{}", args.output.display());
    Ok(ExitCode::SUCCESS)
}

/// The variables of a configuration file, with what is to be noted about them told on standard error.
///
/// # Errors
/// Every fault of the file.
pub(super) fn variables(file: &Path) -> Result<Vec<(&'static str, String)>, Stop> {
    let environment = of_file(file)?;
    environment.tell_notes();
    Ok(environment.variables)
}

fn of_file(file: &Path) -> Result<Environment, Stop> {
    let inspected = config::inspect(file, None, &config::process_environment());
    if !inspected.faults.is_empty() {
        let lines: Vec<_> = inspected.faults.iter().map(ToString::to_string).collect();
        return Err(Stop::usage(lines.join("\n")));
    }
    Ok(match inspected.kind {
        FileKind::Sidecar => of_sidecar(&inspected.settings),
        kind => of_application(&inspected.settings, kind),
    })
}

impl Environment {
    fn tell_notes(&self) {
        for note in &self.notes {
            eprintln!("codemode: note: {note}");
        }
    }

    fn set(&mut self, name: &'static str, value: String) {
        self.variables.push((name, value));
    }

    /// One setting that stands in the file, unless it is the host's own.
    fn take(&mut self, used: &Used, variable: &'static str) {
        if let Some((_, instead)) = HOSTS_OWN.iter().find(|(key, _)| *key == used.key) {
            // A service on all addresses is what a container has anyway.
            if !matches!(used.value.as_str(), Some("0.0.0.0" | "::")) {
                self.notes.push(format!("{} is left out: {instead}", used.origin));
            }
            return;
        }
        if used.key.starts_with("mounts.") {
            let text = format!("{}: docker-compose.yml mounts that directory", used.origin);
            self.notes.push(text);
        }
        if names_a_file(used.key) {
            let text = format!("{}: the path is taken as one inside of the container", used.origin);
            self.notes.push(text);
        }
        let value = text(used);
        if value.is_empty() {
            return;
        }
        self.set(variable, if names_an_address(used.key) { from_inside(&value) } else { value });
    }
}

fn of_sidecar(settings: &[Used]) -> Environment {
    let mut environment = Environment::default();
    for used in settings.iter().filter(|used| is_given(used)) {
        if let Some(variable) = used.variables.first() {
            environment.take(used, variable);
        }
    }
    add_target(&mut environment);
    environment
}

fn of_application(settings: &[Used], kind: FileKind) -> Environment {
    let mut environment = Environment::default();
    for used in settings.iter().filter(|used| is_given(used)) {
        let shared = SHARED.iter().find(|(key, _)| *key == used.key);
        let own = HOSTS_OWN.iter().any(|(key, _)| *key == used.key);
        match shared {
            Some((_, variable)) => environment.take(used, variable),
            None if own => environment.take(used, ""),
            None => {}
        }
    }
    let url = settings.iter().find(|used| matches!(used.key, "executor_url" | "executor.url"));
    if let Some(port) = url.and_then(|used| used.value.as_str()).and_then(port) {
        environment.set("CODEMODE_SIDECAR_PORT", port);
    }
    complete_tls(&mut environment, settings, kind);
    add_target(&mut environment);
    environment
}

/// A client that speaks TLS needs a service that does; a project's block stands for both directions.
fn complete_tls(environment: &mut Environment, settings: &[Used], kind: FileKind) {
    let value = |key: &str| settings.iter().find(|used| used.key == key).map(|used| &used.value);
    let on = |key: &str| value(key) == Some(&Value::Bool(true));
    if kind == FileKind::Client && on("tls.enabled") {
        environment.set("CODEMODE_TLS_MODE", "custom".to_owned());
        let text = "the client speaks TLS, so the service must: add CODEMODE_TLS_CERT_FILE and CODEMODE_TLS_KEY_FILE, \
                    without which it does not start";
        environment.notes.push(text.to_owned());
    }
    if kind == FileKind::Project && on("grpc.tls.enabled") {
        environment.set("CODEMODE_CALLBACK_TLS_ENABLED", "true".to_owned());
        if let Some(Value::String(file)) = value("grpc.tls.ca_file") {
            environment.set("CODEMODE_CALLBACK_TLS_CA_FILE", file.clone());
        }
    }
}

/// Without one the container would look for the application inside of itself.
fn add_target(environment: &mut Environment) {
    if !environment.variables.iter().any(|(name, _)| *name == TARGET) {
        environment.set(TARGET, format!("{HOST}:50051"));
    }
}

/// The seccomp profile beside the one compose file here or one directory below. docker-compose 1 looks
/// for it from where it is started, and not from where its file lies.
fn seccomp_profile(cwd: &Path) -> Option<String> {
    let below = fs::read_dir(cwd).ok()?.flatten().map(|entry| entry.path());
    let found: Vec<_> = [cwd.to_owned()]
        .into_iter()
        .chain(below)
        .filter(|directory| directory.join("docker-compose.yml").is_file())
        .map(|directory| directory.join("seccomp.json"))
        .filter(|profile| profile.is_file())
        .collect();
    match found.as_slice() {
        [only] => only.to_str().map(str::to_owned),
        _ => None,
    }
}

fn is_given(used: &Used) -> bool {
    !matches!(used.origin.source, Source::Default)
}

fn names_a_file(key: &str) -> bool {
    ["_file", "client_cert", "client_key"].iter().any(|end| key.ends_with(end))
}

fn names_an_address(key: &str) -> bool {
    ["_target", "_url", "_endpoint"].iter().any(|end| key.ends_with(end))
}

/// The value as a variable gives it.
fn text(used: &Used) -> String {
    if let Some(secret) = &used.secret {
        return secret.expose().to_owned();
    }
    match &used.value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// An address of this machine as the container sees it; others stay as they are.
fn from_inside(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, format!(":{port}")),
        _ => (authority, String::new()),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if !config::is_loopback(bare) {
        return address.to_owned();
    }
    format!("{scheme}{HOST}{port}{path}")
}

/// The port of a URL, where it names one.
fn port(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    let (_, port) = authority.rsplit_once(':')?;
    port.parse::<u16>().ok().filter(|port| *port > 0).map(|port| port.to_string())
}

fn render(environment: &Environment, source: &Path) -> Result<String, Stop> {
    let mut text = format!("# Made by `codemode docker env` from {}.\n", source.display());
    for (name, value) in &environment.variables {
        text += &format!("{name}={}\n", quoted(name, value)?);
    }
    Ok(text)
}

/// Single quotes where a reader of such files would see something else than the value. `docker run --env-file` knows
/// no quotes at all, so plain values have none.
fn quoted(name: &str, value: &str) -> Result<String, Stop> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:,@%+=*[]".contains(&b);
    if value.bytes().all(plain) {
        return Ok(value.to_owned());
    }
    if value.contains('\'') || value.chars().any(char::is_control) {
        let problem = "holds a character that readers of .env files disagree about; choose a value without quotes";
        return Err(Stop::usage(format!("{name}: the value (not shown) {problem}")));
    }
    Ok(format!("'{value}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_become_the_hosts_name() {
        for (address, want) in [
            ("localhost:50051", "host.docker.internal:50051"),
            ("127.0.0.1:1", "host.docker.internal:1"),
            ("127.8.8.8:1", "host.docker.internal:1"),
            ("[::1]:50051", "host.docker.internal:50051"),
            ("http://LOCALHOST:4317/v1", "http://host.docker.internal:4317/v1"),
            ("https://localhost", "https://host.docker.internal"),
            ("http://[::1]", "http://host.docker.internal"),
            ("localhost.example:1", "localhost.example:1"),
            ("app:50051", "app:50051"),
            ("10.0.0.1:5", "10.0.0.1:5"),
            ("[fd00::1]:5", "[fd00::1]:5"),
        ] {
            assert_eq!(from_inside(address), want);
        }
    }

    #[test]
    fn values_are_quoted_only_where_they_must_be() {
        let quoted = |value: &str| quoted("N", value).ok();
        assert_eq!(quoted("a.b:1,*.c").as_deref(), Some("a.b:1,*.c"));
        assert_eq!(quoted("a $b #c").as_deref(), Some("'a $b #c'"));
        assert_eq!(quoted("it's"), None);
    }
}
