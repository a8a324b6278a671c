//! The ports: bound before privileges are given up.

use std::fmt::Display;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};

use nix::sys::socket::Backlog;

use crate::config::Config;

/// How to choose another address and another port.
struct Cure {
    host: &'static str,
    port: &'static str,
}

/// Binds the address that `config` names.
///
/// # Errors
/// A sentence with the address and the cure.
pub fn bind(config: &Config) -> Result<TcpListener, String> {
    let cure = Cure { host: "--host", port: "--port or CODEMODE_SIDECAR_PORT" };
    listen(&config.host, config.port, &cure)
}

/// Binds the address of the metrics, if they are served.
///
/// # Errors
/// As [`bind`].
pub fn bind_metrics(config: &Config) -> Result<Option<TcpListener>, String> {
    let cure = Cure {
        host: "metrics.host or CODEMODE_METRICS_HOST",
        port: "metrics.port or CODEMODE_METRICS_PORT",
    };
    let metrics = config.metrics.as_ref();
    metrics.map(|metrics| listen(&metrics.host, metrics.port, &cure)).transpose()
}

fn listen(host: &str, port: u16, cure: &Cure) -> Result<TcpListener, String> {
    let refuse = |error: &dyn Display, cure: &str| {
        format!("cannot listen on {host}:{port}: {error}; {cure}")
    };
    let elsewhere = format!("give an address of this machine with {}", cure.host);
    let addresses = (host, port).to_socket_addrs().map_err(|error| refuse(&error, &elsewhere))?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpListener::bind(address) {
            Ok(listener) => {
                listener.set_nonblocking(true).map_err(|error| refuse(&error, ""))?;
                // As many may wait as the host allows: std lets 128, and who comes after them waits for seconds.
                let _ = nix::sys::socket::listen(&listener, Backlog::MAXCONN);
                return Ok(listener);
            }
            Err(error) => last = error,
        }
    }
    let cure = match last.kind() {
        io::ErrorKind::AddrInUse => {
            format!("stop what listens there, or choose another port with {}", cure.port)
        }
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need root; choose another with {}", cure.port)
        }
        _ => elsewhere,
    };
    Err(refuse(&last, &cure))
}
