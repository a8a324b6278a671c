//! The validated settings: what the rest of the program reads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::origin::{Origin, Source};
use super::secret::Secret;
use super::table::find;

/// Everything the sidecar was told, checked. Nothing changes it after [`load`](super::load).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Address or name to listen on, without brackets.
    pub host: String,
    /// TCP port to listen on.
    pub port: u16,
    /// Where the main application serves its tools, as `host:port`.
    pub main_app_grpc_target: String,
    /// Key that callers must present and that tool calls carry; `None` only where the load rules allow it.
    pub api_key: Option<Secret>,
    /// What one run, and all of them together, may use.
    pub limits: Limits,
    /// What the code may do, and who may ask.
    pub security: Security,
    /// What the code may reach.
    pub network: Network,
    /// TLS towards callers; `None` is plaintext.
    pub tls: Option<ServerTls>,
    /// TLS towards the main application; `None` is plaintext.
    pub callback_tls: Option<ClientTls>,
    /// Least important message that is logged.
    pub log_level: LogLevel,
    /// The shape of what is logged.
    pub log_format: LogFormat,
    /// The line per run for whoever must answer for it; `None` writes none.
    pub audit: Option<Audit>,
    /// Where numbers are served; `None` is nowhere.
    pub metrics: Option<Metrics>,
    /// Where traces go; `None` is nowhere.
    pub telemetry: Option<Telemetry>,
    /// Python interpreter: a path, or a name to find in `PATH`. `None` leaves the choice to the host probe.
    pub python: Option<PathBuf>,
    /// Where the interpreter of a run comes from.
    pub start: Start,
    /// Modules that a warm interpreter loads beside the usual ones, each once.
    pub preload: Vec<String>,
    /// Host directories that runs may see.
    pub mounts: Mounts,
    /// How long runs may go on after the order to stop.
    pub shutdown_grace: Duration,
    /// Age at which the tool list is fetched again.
    pub metadata_ttl: Duration,
    /// Things that are allowed but probably not meant, one sentence each.
    pub warnings: Vec<String>,
    /// The file the settings came from, if there was one.
    pub source: Option<PathBuf>,
    pub(super) origins: BTreeMap<&'static str, Origin>,
}

impl Config {
    /// What gave the setting of this key its value, as a message names it; the variable that would, if nothing did.
    #[must_use]
    pub fn origin(&self, key: &str) -> String {
        let variable = find(key).and_then(|row| row.vars.first());
        match (self.origins.get(key), variable) {
            (Some(origin), _) => origin.to_string(),
            (None, Some(name)) => Origin::new(key, Source::Variable(name)).to_string(),
            (None, None) => key.to_owned(),
        }
    }
}

/// Ceilings. Sizes in bytes; counts are plain numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Wall-clock time of a run; a request may ask for less.
    pub code_timeout: Duration,
    /// Longest accepted program, in characters.
    pub max_code_length: u64,
    /// Processor time of a run.
    pub cpu_time: Duration,
    /// Memory of a run.
    pub memory: u64,
    /// Processes and threads of a run.
    pub processes: u64,
    /// Open file descriptors of one process of a run.
    pub open_files: u64,
    /// Largest single file that a run may write.
    pub file_size: u64,
    /// Size of the scratch file system of a run.
    pub scratch_size: u64,
    /// Files and directories in the scratch file system of a run.
    pub scratch_inodes: u64,
    /// Kept output of a run, for stdout and stderr each.
    pub output: u64,
    /// Largest result document of a run.
    pub result: u64,
    /// Largest answer of one tool call.
    pub tool_result: u64,
    /// Largest request from a caller.
    pub request: u64,
    /// Tool names in one request.
    pub tools: u64,
    /// Runs at the same time.
    pub concurrent_runs: u64,
    /// Requests that may wait for a free place.
    pub queue: u64,
    /// Sandboxes that wait for a run, at least.
    pub ready_least: u64,
    /// Sandboxes that wait for a run, at most.
    pub ready_most: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            code_timeout: Duration::from_secs(30),
            max_code_length: 10_000,
            cpu_time: Duration::from_secs(60),
            memory: 512 << 20,
            processes: 128,
            open_files: 256,
            file_size: 64 << 20,
            scratch_size: 128 << 20,
            scratch_inodes: 16_384,
            output: 1 << 20,
            result: 8 << 20,
            tool_result: 4 << 20,
            request: 4 << 20,
            tools: 16_384,
            concurrent_runs: 32,
            queue: 128,
            ready_least: 2,
            ready_most: 16,
        }
    }
}

/// What the code may do, and who may ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Security {
    /// Whether the code may start commands and use the mounted directories.
    pub allow_direct_execution: bool,
    /// The commands it may start then; empty means none.
    pub allowed_commands: Vec<String>,
    /// Whether programs are also matched against a list of words.
    pub static_checks: StaticChecks,
    /// Whether to serve others than this machine without an API key.
    pub allow_unauthenticated: bool,
    /// The least that a run is to be kept in.
    pub accept_tier: Tier,
    /// Walls without which no run starts, by name; `None` is the built-in policy.
    pub required_walls: Option<Vec<String>>,
    /// Walls whose absence is reported, by name; `None` is the built-in policy.
    pub wanted_walls: Option<Vec<String>>,
}

/// What the code may reach over the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Network {
    /// The mode.
    pub mode: NetworkMode,
    /// Domains that `restricted` lets through, lower case, `*.` in front for all below.
    pub allowed_domains: Vec<String>,
    /// Domains that `restricted` refuses, in the same form.
    pub blocked_domains: Vec<String>,
}

/// Host directories that runs may see. Absolute paths of directories that exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mounts {
    /// Seen read-only as `/workspace`.
    pub workspace: Option<PathBuf>,
    /// Kept after the run, seen as `/outputs`.
    pub outputs: Option<PathBuf>,
}

/// Where and how each run is put on record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Audit {
    /// The file that lines are appended to; `None` is standard error.
    pub file: Option<PathBuf>,
    /// Whether a line holds the program, which may hold secrets, and not its digest alone.
    pub include_code: bool,
}

/// Where `GET /metrics` is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Address or name to listen on, without brackets.
    pub host: String,
    /// TCP port to listen on.
    pub port: u16,
}

/// Where traces go, and which.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Telemetry {
    /// A collector that takes OTLP over gRPC: scheme and authority.
    pub otlp_endpoint: String,
    /// `service.name` of the traces.
    pub service_name: String,
    /// Which traces are recorded.
    pub sampler: Sampler,
    /// The share that samplers by ratio record, from 0 to 1.
    pub ratio: f64,
}

/// TLS material of the listening side, in PEM, already found consistent.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// The server's certificate chain and private key.
    pub identity: TlsIdentity,
    /// Authorities of caller certificates; if present, a caller without one is refused.
    pub client_ca: Option<Vec<u8>>,
}

/// TLS material for calls to the main application, in PEM, already found consistent.
#[derive(Debug, Clone)]
pub struct ClientTls {
    /// Authorities of the main application's certificate; `None` is those of the system.
    pub ca: Option<Vec<u8>>,
    /// Our own certificate and key, if the main application asks for them.
    pub identity: Option<TlsIdentity>,
}

/// A certificate chain and the private key of its first certificate.
#[derive(Debug, Clone)]
pub struct TlsIdentity {
    /// PEM, the end-entity certificate first.
    pub cert_chain: Vec<u8>,
    /// PEM, unencrypted.
    pub private_key: Secret,
}

/// Defines an enum whose variants have fixed names in configuration.
macro_rules! named_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// The accepted names.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The value with this name, in any case.
            pub fn parse(text: &str) -> Option<Self> {
                $(if text.eq_ignore_ascii_case($text) { return Some(Self::$variant); })+
                None
            }

            /// The name of this value.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}
named_enum! {
    /// Whether programs are matched against the list of words that older deployments used.
    StaticChecks {
        /// They are not.
        #[default]
        Off = "off",
        /// They are, with the same words and reasons.
        Compat = "compat",
    }
}

named_enum! {
    /// Where the certificates of the listening side come from.
    TlsMode {
        /// From the system, which has none for a server.
        #[default]
        System = "system",
        /// From the files that are named.
        Custom = "custom",
    }
}

named_enum! {
    /// Where the interpreter of a run comes from.
    Start {
        /// From one that was started before, with its modules loaded: forked off it.
        #[default]
        Warm = "warm",
        /// From an `execve` of its own.
        Fresh = "fresh",
    }
}

named_enum! {
    /// The least that a run is to be kept in.
    Tier {
        /// Namespaces and a root of its own, with every other wall that can't do without them.
        #[default]
        Sandbox = "sandbox",
        /// Where the host allows no user namespaces: Landlock, seccomp and rlimits, within the walls
        /// of the container that the service itself is in.
        Container = "container",
    }
}

named_enum! {
    /// What a run may reach.
    NetworkMode {
        /// Nothing.
        #[default]
        None = "none",
        /// HTTP(S) to the domains that the lists let through.
        Restricted = "restricted",
        /// All that the host reaches.
        All = "all",
    }
}

named_enum! {
    /// Least important message that is logged.
    LogLevel {
        /// Everything.
        Debug = "DEBUG",
        /// Normal operation.
        #[default]
        Info = "INFO",
        /// Something odd that was coped with.
        Warning = "WARNING",
        /// Something failed.
        Error = "ERROR",
        /// The service can't go on.
        Critical = "CRITICAL",
    }
}

named_enum! {
    /// The shape of what is logged.
    LogFormat {
        /// Lines to read.
        #[default]
        Text = "text",
        /// One JSON object per line.
        Json = "json",
    }
}

named_enum! {
    /// Which traces are recorded, in OpenTelemetry's names.
    Sampler {
        /// As the caller has decided; all of those that begin here.
        #[default]
        ParentAlwaysOn = "parentbased_always_on",
        /// As the caller has decided; none of those that begin here.
        ParentAlwaysOff = "parentbased_always_off",
        /// As the caller has decided; a share of those that begin here.
        ParentRatio = "parentbased_traceidratio",
        /// All.
        AlwaysOn = "always_on",
        /// None.
        AlwaysOff = "always_off",
        /// A share, decided by the trace's id.
        Ratio = "traceidratio",
    }
}
