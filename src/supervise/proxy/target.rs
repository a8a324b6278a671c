//! The host and port that a request names.

use hyper::http::uri::Authority;

use super::Shared;
use super::refusal::Refusal;
use crate::policy::domains::{Decision, Host};

/// `host[:port]` taken apart, the host still as it was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Target<'a> {
    /// # Errors
    /// [`Refusal::Malformed`] for userinfo, and for a port that is not digits within 1..=65535.
    pub(super) fn of(authority: &'a Authority) -> Result<Self, Refusal> {
        let text = authority.as_str();
        if text.contains('@') {
            return Err(Refusal::Malformed("userinfo in the address"));
        }
        let host = authority.host();
        let port = match text.strip_prefix(host) {
            Some("") => None,
            Some(rest) => Some(parse_port(rest)?),
            None => return Err(Refusal::Malformed("the address is not host:port")),
        };
        Ok(Self { host, port })
    }
}

fn parse_port(rest: &str) -> Result<u16, Refusal> {
    rest.strip_prefix(':')
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .filter(|&port| port != 0)
        .ok_or(Refusal::Malformed("the port is not a number within 1..=65535"))
}

/// Asks the policy about a host as it was sent; gives the form to go on with.
///
/// # Errors
/// [`Refusal::Forbidden`], or [`Refusal::Malformed`] if it is no host at all.
pub(super) fn decide<R>(host: &str, shared: &Shared<R>) -> Result<Host, Refusal> {
    let reason = match shared.policy.decide(host) {
        Decision::Allowed(host) => return Ok(host),
        Decision::Malformed(_) => return Err(Refusal::Malformed("the host is not a host name")),
        Decision::Blocked => "this domain is blocked",
        Decision::AddressLiteral => "IP addresses are not allowed, use a host name",
        Decision::NotListed => "this domain is not on the allowed list",
    };
    Err(Refusal::forbidden(host, reason))
}

/// # Errors
/// [`Refusal::Forbidden`] if `port` is not among `ports`.
pub(super) fn check_port(host: &Host, port: u16, ports: &[u16]) -> Result<(), Refusal> {
    if ports.contains(&port) {
        return Ok(());
    }
    Err(Refusal::forbidden(&format!("{host}:{port}"), "this port is not allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_taken_apart_or_refused() {
        let of = |text: &str| {
            let authority = Authority::try_from(text).ok()?;
            let target = Target::of(&authority).ok()?;
            Some((target.host.to_owned(), target.port))
        };
        assert_eq!(of("a.com:443"), Some(("a.com".into(), Some(443))));
        assert_eq!(of("a.com"), Some(("a.com".into(), None)));
        assert_eq!(of("[::1]:80"), Some(("[::1]".into(), Some(80))));
        for text in [
            "a.com:",
            "a.com:0",
            "a.com:+80",
            "a.com:65536",
            "a.com:8 0",
            "u@a.com:80",
            "a.com:443@b.org:443",
            "a:1:2",
            "@a.com",
            "::1",
            "[::1]x:80",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
