//! From a YAML file, the environment and flags to one checked, immutable [`Config`].
//!
//! Order of precedence, weakest first: defaults, file, environment, flags. An empty value, in the file or in the
//! environment, counts as not set. All faults are gathered and reported together.
//!
//! One table (`table.rs`) names each key, its variables, its type and its range. It drives the file, the environment
//! and the messages, so they can't disagree.

mod fault;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod kinds;
mod load;
mod loader;
mod model;
mod observe;
mod origin;
mod parse;
mod raw;
mod secret;
mod service;
mod slot;
mod substitute;
mod table;
mod tls;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

pub use fault::{ConfigError, Fault};
pub use kinds::{FileKind, Inspected, Used, inspect};
pub use load::{Examined, examine, file, load};
pub use model::{
    Audit, ClientTls, Config, Limits, LogFormat, LogLevel, Metrics, Mounts, Network, NetworkMode,
    Sampler, Security, ServerTls, Start, StaticChecks, Telemetry, Tier, TlsIdentity,
};
pub use origin::{Origin, Source};
pub use secret::Secret;
pub use service::{Service, ServiceTls, parse_target, service};

/// Environment variables by name. A map, not the process, so that loading is a function of its arguments.
pub type Environment = BTreeMap<String, OsString>;

/// The variables of this process; those whose names are not UTF-8 can't be ours and are left out.
pub fn process_environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .collect()
}

/// Where settings come from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// `--config`: wins over the variable and the usual names.
    pub file: Option<&'a Path>,
    /// Environment variables.
    pub env: &'a Environment,
    /// Directory in which relative paths and the usual file names are looked up.
    pub cwd: &'a Path,
    /// `--host`.
    pub host: Option<&'a str>,
    /// `--port`.
    pub port: Option<u16>,
    /// `--allow-unauthenticated`.
    pub allow_unauthenticated: bool,
}

/// A size in bytes as people write it: `65536`, `64K`, `1GiB` (units are binary).
pub fn parse_size(text: &str) -> Option<u64> {
    parse::size(text)
}

/// Whether only this machine can be meant by a host name or address, without brackets.
pub fn is_loopback(host: &str) -> bool {
    parse::is_loopback(host)
}

/// Whether a text is a host name: labels of letters, digits, hyphens and underscores.
pub fn is_host_name(text: &str) -> bool {
    parse::is_host_name(text)
}

/// Names of modules as `CODEMODE_PRELOAD` gives them, separated by commas; each comes once.
///
/// # Errors
/// What of it is not accepted, and what would be.
pub fn parse_modules(text: &str) -> Result<Vec<String>, String> {
    table::modules(text)
}

/// Seconds as people write them: `2`, `0.5`.
pub fn parse_seconds(text: &str) -> Option<std::time::Duration> {
    parse::seconds(text)
}
