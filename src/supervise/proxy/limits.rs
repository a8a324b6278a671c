//! What one run may use of the proxy.

use std::time::Duration;

/// Limits of one run's proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyLimits {
    /// Client connections served at the same time; more wait to be accepted.
    pub max_connections: usize,
    /// Largest request head in bytes, request line included.
    pub max_header_bytes: usize,
    /// Most header fields in a request or a response.
    pub max_headers: usize,
    /// A connection over which nothing has moved for this long is closed. It is also the time
    /// within which a request's head must be complete.
    pub idle_timeout: Duration,
    /// Time for resolving the host and connecting to it, together.
    pub connect_timeout: Duration,
    /// Bytes to and from upstream over all connections, after which the proxy carries nothing
    /// more; each open connection may exceed it by what it had in hand. `None`: no limit.
    pub max_total_bytes: Option<u64>,
    /// Ports that `CONNECT` may name.
    pub connect_ports: Vec<u16>,
    /// Ports that an `http://` request may name.
    pub http_ports: Vec<u16>,
    /// Whether a host may resolve to an address that is not public: loopback, private networks,
    /// cloud metadata services, this machine.
    pub allow_private_addresses: bool,
}

impl Default for ProxyLimits {
    fn default() -> Self {
        Self {
            max_connections: 64,
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            idle_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            max_total_bytes: None,
            connect_ports: vec![443],
            http_ports: vec![80],
            allow_private_addresses: false,
        }
    }
}
