//! Whether the main application's name leads anywhere, before the service starts.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType};

use crate::config::Config;

/// A name server may come up together with us.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

/// Looks the host of `main_app_grpc_target` up. An address needs no lookup, and whether anybody
/// answers there does not matter: the application may start later.
///
/// # Errors
/// A sentence that names the setting, its value and the cure.
pub fn main_app_resolves(config: &Config) -> Result<(), String> {
    let target = &config.main_app_grpc_target;
    let host = target.rsplit_once(':').map_or(target.as_str(), |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    look_up(bare).map_err(|why| {
        format!(
            "{}: the host of {target:?} cannot be resolved ({why}); correct the name, or where it \
             is right make it known here{}",
            config.origin("main_app_grpc_target"),
            cure(bare),
        )
    })
}

fn cure(host: &str) -> &'static str {
    if host.eq_ignore_ascii_case("host.docker.internal") {
        ": start the container with `--add-host=host.docker.internal:host-gateway` (in a compose \
         file `extra_hosts`); outside of a container the host is localhost"
    } else {
        " (in DNS or /etc/hosts; for a container `--add-host=NAME:ADDRESS`, or \
         host.docker.internal with `--add-host=host.docker.internal:host-gateway`)"
    }
}

/// Tries again for a few seconds where the name server says that it can't tell yet.
fn look_up(host: &str) -> Result<(), String> {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let begun = Instant::now();
    loop {
        let error = match dns_lookup::getaddrinfo(Some(host), None, Some(hints)) {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let passes = matches!(error.kind(), LookupErrorKind::Again);
        if !passes || begun.elapsed() >= PATIENCE {
            let error: std::io::Error = error.into();
            return Err(error.to_string());
        }
        tracing::warn!(host, "main application's name cannot be resolved yet; trying again");
        std::thread::sleep(PAUSE);
    }
}
