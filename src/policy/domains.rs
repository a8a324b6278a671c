//! Which hosts the code may reach through the proxy: parsed patterns and one decision.
//!
//! Pure: nothing here resolves a name or opens a socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

/// Longest host name in its text form, in bytes (RFC 1035).
pub const MAX_NAME: usize = 253;
/// Longest label of a host name, in bytes (RFC 1035).
pub const MAX_LABEL: usize = 63;

/// Why a text is neither a host name nor an address literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostFault {
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// The name is over [`MAX_NAME`] bytes.
    #[error("it is longer than {MAX_NAME} characters")]
    TooLong,
    /// A label is empty, over [`MAX_LABEL`] bytes, or begins or ends with a hyphen.
    #[error("a label is empty, longer than {MAX_LABEL} characters, or begins or ends with '-'")]
    Label,
    /// A character that no host name has.
    #[error("it has a character other than a-z, 0-9, '-' and '.'")]
    Character,
    /// A spelling that a resolver would read as an IP address, but not the canonical one.
    #[error("it spells an IP address in a form other than the canonical one")]
    OddAddress,
}

/// A domain list entry that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "domain pattern {pattern:?} cannot be used because {source}; write \"example.com\", \"*.example.com\", \"*\" or an IP address (non-ASCII names in their xn-- form)"
)]
#[non_exhaustive]
pub struct PatternError {
    /// The entry as it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub source: HostFault,
}

/// A host in its one normal form: what is decided upon is also what is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A lower-case name of letters, digits and hyphens, without a trailing dot.
    Name(String),
    /// An address that was written in its canonical form.
    Address(IpAddr),
}

impl Host {
    /// Reads a host as it stands in a URI: a name, `192.0.2.1`, or an IPv6 address in brackets.
    ///
    /// # Errors
    /// [`HostFault`] for everything else, other spellings of an address included.
    pub fn parse(text: &str) -> Result<Self, HostFault> {
        if text.is_empty() {
            return Err(HostFault::Empty);
        }
        if let Some(rest) = text.strip_prefix('[') {
            let inner = rest.strip_suffix(']').ok_or(HostFault::Character)?;
            return canonical_v6(inner);
        }
        if let Some(address) = canonical_v4(text) {
            return Ok(Self::Address(IpAddr::V4(address)));
        }
        parse_name(text).map(Self::Name)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

fn canonical_v6(text: &str) -> Result<Host, HostFault> {
    match text.parse::<Ipv6Addr>() {
        Ok(address) if address.to_string() == text => Ok(Host::Address(IpAddr::V6(address))),
        _ => Err(HostFault::OddAddress),
    }
}

fn canonical_v4(text: &str) -> Option<Ipv4Addr> {
    text.parse::<Ipv4Addr>().ok().filter(|address| address.to_string() == text)
}

fn parse_name(text: &str) -> Result<String, HostFault> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > MAX_NAME {
        return Err(HostFault::TooLong);
    }
    if name.contains(':') {
        let hex = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let address = name.bytes().all(hex);
        return Err(if address { HostFault::OddAddress } else { HostFault::Character });
    }
    let name = name.to_ascii_lowercase();
    name.split('.').try_for_each(check_label)?;
    // inet_aton(3) reads `127.1`, `2130706433` and `0x7f.1` as addresses. All of them end in a
    // numeric label, which no name does.
    match name.rsplit('.').next() {
        Some(last) if is_numeric(last) => Err(HostFault::OddAddress),
        _ => Ok(name),
    }
}

fn check_label(label: &str) -> Result<(), HostFault> {
    let ldh = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !label.bytes().all(ldh) {
        return Err(HostFault::Character);
    }
    let hyphen_outside = label.starts_with('-') || label.ends_with('-');
    if label.is_empty() || label.len() > MAX_LABEL || hyphen_outside {
        return Err(HostFault::Label);
    }
    Ok(())
}

fn is_numeric(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// One entry of a domain list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DomainPattern(Pattern);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Pattern {
    Everything,
    Subdomains(String),
    Exactly(Host),
}

impl DomainPattern {
    /// Reads `example.com` (that name only), `*.example.com` (every name below it, not itself),
    /// `*` (every name), or an address literal in its canonical form (IPv6 with or without brackets).
    ///
    /// # Errors
    /// [`PatternError`] naming the entry and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let pattern = match text.strip_prefix("*.") {
            _ if text == "*" => Ok(Pattern::Everything),
            Some(parent) => parse_name(parent).map(Pattern::Subdomains),
            None if text.parse::<Ipv6Addr>().is_ok() => canonical_v6(text).map(Pattern::Exactly),
            None => Host::parse(text).map(Pattern::Exactly),
        };
        pattern.map(Self).map_err(|source| PatternError { pattern: text.to_owned(), source })
    }

    fn matches(&self, host: &Host) -> bool {
        match (&self.0, host) {
            (Pattern::Everything, _) => true,
            (Pattern::Exactly(listed), host) => listed == host,
            (Pattern::Subdomains(parent), Host::Name(name)) => name
                .strip_suffix(parent.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            (Pattern::Subdomains(_), Host::Address(_)) => false,
        }
    }

    /// As [`Self::matches`], but `*` covers names only: an address must be listed itself.
    fn allows(&self, host: &Host) -> bool {
        match (&self.0, host) {
            (Pattern::Everything, Host::Address(_)) => false,
            _ => self.matches(host),
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Everything => f.write_str("*"),
            Pattern::Subdomains(parent) => write!(f, "*.{parent}"),
            Pattern::Exactly(host) => host.fmt(f),
        }
    }
}

/// What the policy says about one host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// The host may be reached; use this form of it and not the text that was asked about.
    Allowed(Host),
    /// The host is on the blocked list.
    Blocked,
    /// The host is on neither list.
    NotListed,
    /// The host is an address, in any spelling, that the allowed list does not name.
    AddressLiteral,
    /// The text is not a host.
    Malformed(HostFault),
}

/// The hosts that may and may not be reached. A blocked entry wins over an allowed one, and
/// with an empty allowed list nothing may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainPolicy {
    /// Hosts that may be reached.
    pub allowed: Vec<DomainPattern>,
    /// Hosts that may not, whatever `allowed` says.
    pub blocked: Vec<DomainPattern>,
}

impl DomainPolicy {
    /// Reads both lists.
    ///
    /// # Errors
    /// [`PatternError`] for the first entry that is no pattern.
    pub fn from_names(allowed: &[String], blocked: &[String]) -> Result<Self, PatternError> {
        let parse = |names: &[String]| -> Result<Vec<_>, _> {
            names.iter().map(|name| DomainPattern::parse(name)).collect()
        };
        Ok(Self { allowed: parse(allowed)?, blocked: parse(blocked)? })
    }

    /// Decides about a host as an outsider wrote it (no port, no userinfo).
    pub fn decide(&self, host: &str) -> Decision {
        let host = match Host::parse(host) {
            Ok(host) => host,
            Err(HostFault::OddAddress) => return Decision::AddressLiteral,
            Err(fault) => return Decision::Malformed(fault),
        };
        if self.blocked.iter().any(|pattern| pattern.matches(&host)) {
            Decision::Blocked
        } else if self.allowed.iter().any(|pattern| pattern.allows(&host)) {
            Decision::Allowed(host)
        } else if matches!(host, Host::Address(_)) {
            Decision::AddressLiteral
        } else {
            Decision::NotListed
        }
    }
}
