//! Where a service with these settings is reached from its own machine: what its health check needs and no more.

use std::path::PathBuf;

use super::fault::ConfigError;
use super::loader::Loader;
use super::model::TlsMode;
use super::slot::Row;
use super::{Sources, parse};

const WANTED: [&str; 6] =
    ["host", "port", "tls.enabled", "tls.mode", "tls.cert_file", "tls.require_client_auth"];

/// How to reach the service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Address or name, without brackets; of a service on all addresses the loopback one.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// If it speaks TLS: how.
    pub tls: Option<ServiceTls>,
}

/// The service's TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceTls {
    /// The certificate that it shows, as PEM, if one is named.
    pub cert_file: Option<PathBuf>,
    /// Whether it asks for the caller's.
    pub requires_client_cert: bool,
}

/// Reads only the settings that say where the service is; what is wrong with others is left to it.
///
/// # Errors
/// Faults of the file as a whole and of those settings.
pub fn service(sources: &Sources<'_>) -> Result<Service, ConfigError> {
    let mut loader = Loader::new(sources);
    let wanted: fn(&Row) -> bool = |row| WANTED.contains(&row.key);
    loader.read(wanted);
    let ours = |key: &str| WANTED.contains(&key);
    loader.faults.retain(|fault| fault.origin().is_none_or(|origin| ours(&origin.key)));
    if !loader.faults.is_empty() {
        return Err(ConfigError::new(loader.faults));
    }
    let draft = loader.draft;
    let host = match draft.host.as_deref() {
        None | Some("0.0.0.0") => "127.0.0.1".to_owned(),
        Some("::") => "::1".to_owned(),
        Some(host) => host.to_owned(),
    };
    let tls = draft.tls.enabled && draft.tls.mode == TlsMode::Custom;
    let cert_file = draft.tls.cert_file.map(|path| sources.cwd.join(path));
    let requires_client_cert = draft.tls.require_client_auth;
    Ok(Service {
        host,
        // The table bounds the port, so this can't fail.
        port: u16::try_from(draft.port).unwrap_or_default(),
        tls: tls.then_some(ServiceTls { cert_file, requires_client_cert }),
    })
}

/// `host:port` of a service, as a flag or variable gives it; a scheme is taken off.
#[must_use]
pub fn parse_target(text: &str) -> Option<String> {
    parse::target(text)
}
