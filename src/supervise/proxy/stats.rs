//! What the proxy has seen, for the run's report.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Most refused hosts that are remembered.
const REMEMBERED_HOSTS: usize = 8;

/// Counters of one run's proxy. They only grow, and may be read while it serves.
#[derive(Debug, Default)]
pub struct ProxyStats {
    connections: AtomicU64,
    refused: AtomicU64,
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
    refused_hosts: Mutex<VecDeque<String>>,
}

impl ProxyStats {
    /// Client connections accepted.
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Requests answered with 403 or as malformed.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Bytes written to upstream servers.
    pub fn bytes_up(&self) -> u64 {
        self.bytes_up.load(Relaxed)
    }

    /// Bytes read from upstream servers.
    pub fn bytes_down(&self) -> u64 {
        self.bytes_down.load(Relaxed)
    }

    /// The last refused hosts, at most eight, each once, oldest first. The code chose these
    /// texts; only their characters and length have been limited.
    pub fn refused_hosts(&self) -> Vec<String> {
        let hosts = self.refused_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.iter().cloned().collect()
    }

    pub(super) fn count_connection(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(super) fn count_up(&self, bytes: usize) {
        self.bytes_up.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn count_down(&self, bytes: usize) {
        self.bytes_down.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn reached(&self, max_total_bytes: Option<u64>) -> bool {
        let total = self.bytes_up().saturating_add(self.bytes_down());
        max_total_bytes.is_some_and(|max| total >= max)
    }

    pub(super) fn count_refusal(&self, host: Option<&str>) {
        self.refused.fetch_add(1, Relaxed);
        let Some(host) = host else { return };
        let mut hosts = self.refused_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|known| known != host);
        if hosts.len() >= REMEMBERED_HOSTS {
            hosts.pop_front();
        }
        hosts.push_back(host.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_eight_distinct_hosts_are_kept_and_every_refusal_counted() {
        let stats = ProxyStats::default();
        (0..20).for_each(|n| stats.count_refusal(Some(&format!("h{n}"))));
        stats.count_refusal(Some("h15"));
        stats.count_refusal(None);
        let expected = ["h12", "h13", "h14", "h16", "h17", "h18", "h19", "h15"];
        assert_eq!(stats.refused_hosts(), expected);
        assert_eq!(stats.refused(), 22);
    }
}
