//! What breaks around a run, and what is promised whatever breaks: `docs/faults.md`.
//!
//! Every program leaves a mark by a tool call that the test's own main application counts, and prints a name
//! that no other run has: so a run that began twice, or was answered with another's output, is seen from
//! outside. Works as root and as an ordinary user; what a host can't try is printed as `skipped: ...`.

// Helpers beside the tests are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)]
#[path = "service/harness/mod.rs"]
mod harness;

#[path = "faults/leaks.rs"]
mod leaks;
#[path = "faults/promise.rs"]
mod promise;
#[path = "faults/wire.rs"]
mod wire;

#[path = "faults/clients.rs"]
mod clients;
#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/crowd.rs"]
mod crowd;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/greeting.rs"]
mod greeting;
#[path = "faults/kills.rs"]
mod kills;
#[path = "faults/losses.rs"]
mod losses;
#[path = "faults/memory.rs"]
mod memory;
#[path = "faults/stops.rs"]
mod stops;
#[path = "faults/storm.rs"]
mod storm;
