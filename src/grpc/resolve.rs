//! Whether the main application's name leads anywhere, before the service starts.

use std::net::IpAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, SockType};

use crate::config::Config;

/// A name server may come up together with us; after five seconds it doesn't.
const PAUSE: Duration = Duration::from_millis(500);
const MOST_PAUSES: usize = 10;
/// The longest that all of it may take.
const PATIENCE: Duration = Duration::from_secs(10);

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
    let name = bare.to_owned();
    within(PATIENCE, move || look_up(&name, PAUSE, resolve)).map_err(|why| {
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

/// What `look` says, unless it takes longer than `patience`: a name server that never answers holds a
/// lookup up for as long as the resolver is configured to wait.
fn within(
    patience: Duration,
    look: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Result<(), String> {
    let (sender, found) = mpsc::channel();
    let looking = thread::spawn(move || drop(sender.send(look())));
    match found.recv_timeout(patience) {
        // No thread of ours may be left when privileges are given up.
        Ok(outcome) => looking.join().map_err(|_| "the lookup failed".to_owned()).and(outcome),
        Err(_) => Err(format!("no name server answered within {} s", patience.as_secs())),
    }
}

/// Asks again after a pause where the name server says that it can't tell yet.
fn look_up(
    host: &str,
    pause: Duration,
    mut resolve: impl FnMut(&str) -> Result<(), LookupError>,
) -> Result<(), String> {
    let mut pauses = 0;
    loop {
        let error = match resolve(host) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let passes = matches!(error.kind(), LookupErrorKind::Again);
        if !passes || pauses == MOST_PAUSES {
            return Err(std::io::Error::from(error).to_string());
        }
        tracing::warn!(host, "the main application's name can't be resolved yet; trying again");
        std::thread::sleep(pause);
        pauses += 1;
    }
}

fn resolve(host: &str) -> Result<(), LookupError> {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    dns_lookup::getaddrinfo(Some(host), None, Some(hints)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails with each of the codes in turn, then finds something; the outcome, and how often it was asked.
    fn asked(codes: &[i32]) -> (Result<(), String>, usize) {
        let mut calls = 0;
        let outcome = look_up("app", Duration::ZERO, |_| {
            calls += 1;
            codes.get(calls - 1).map_or(Ok(()), |code| LookupError::match_gai_error(*code))
        });
        (outcome, calls)
    }

    #[test]
    fn a_server_that_never_answers_is_not_waited_for() {
        let silent = || {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        };
        let why = within(Duration::from_millis(10), silent).unwrap_err();
        assert!(why.contains("no name server"), "{why}");
        assert_eq!(within(Duration::from_secs(60), || Ok(())), Ok(()));
    }

    #[test]
    fn only_a_server_that_can_not_tell_yet_is_asked_again() {
        assert_eq!(asked(&[]), (Ok(()), 1));
        assert_eq!(asked(&[libc::EAI_AGAIN, libc::EAI_AGAIN]), (Ok(()), 3));
        let (outcome, calls) = asked(&[libc::EAI_NONAME]);
        assert!(outcome.is_err() && calls == 1);
        let (outcome, calls) = asked(&[libc::EAI_AGAIN, libc::EAI_NONAME]);
        assert!(outcome.is_err() && calls == 2);
        let (outcome, calls) = asked(&[libc::EAI_AGAIN; 1000]);
        assert!(outcome.is_err() && calls == MOST_PAUSES + 1);
    }
}
