//! `codemode serve` seen from outside: load, leaks, privileges, faults, mistakes.
//!
//! Talks to the real binary over loopback, with a main application of its own. Works as root and
//! as an ordinary user; what a host can't try is printed as `skipped: ...`.

// Helpers beside the tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "service/harness/mod.rs"]
mod harness;

#[path = "service/faults.rs"]
mod faults;
#[path = "service/load.rs"]
mod load;
#[path = "service/mistakes.rs"]
mod mistakes;
#[path = "service/observe.rs"]
mod observe;
#[path = "service/policy.rs"]
mod policy;
#[path = "service/pool.rs"]
mod pool;
#[path = "service/privileges.rs"]
mod privileges;
#[path = "service/warm.rs"]
mod warm;
