//! The command line, by running the built binary: what it writes, what it refuses, how it says so.
//!
//! Works as root and as an ordinary user, without an engine for containers; what a host can't try is printed as
//! `skipped: ...`.

// Helpers beside the tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "cli/harness.rs"]
mod harness;

#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/bench_peers.rs"]
mod bench_peers;
#[path = "cli/describe.rs"]
mod describe;
#[path = "cli/docker.rs"]
mod docker;
#[path = "cli/env.rs"]
mod env;
#[path = "cli/health.rs"]
mod health;
#[path = "cli/init.rs"]
mod init;
#[path = "cli/start.rs"]
mod start;
#[path = "cli/tls.rs"]
mod tls;
#[path = "cli/validate.rs"]
mod validate;
