//! `codemode run` and `codemode doctor` against the kernel of this host. Each module of `sandbox/` holds the cases of
//! one subject. A denial stands beside its positive control, and is observed from outside the sandbox where it can be.
//!
//! The tests pass as root and as an ordinary user. `CODEMODE_TEST_BINARY` names another binary to test, for users who
//! can't reach the one cargo built. What a host can't try is printed as `skipped: NAME: why`.

// `allow-unwrap-in-tests` doesn't reach helper functions.
#![allow(clippy::unwrap_used)]

#[path = "sandbox/doctor.rs"]
mod doctor;
#[path = "sandbox/exec.rs"]
mod exec;
#[path = "sandbox/harness.rs"]
mod harness;
#[path = "sandbox/hostile_control.rs"]
mod hostile_control;
#[path = "sandbox/interpreters.rs"]
mod interpreters;
#[path = "sandbox/kernel.rs"]
mod kernel;
#[path = "sandbox/lifetime.rs"]
mod lifetime;
#[path = "sandbox/limits.rs"]
mod limits;
#[path = "sandbox/live.rs"]
mod live;
#[path = "sandbox/mounts.rs"]
mod mounts;
#[path = "sandbox/network.rs"]
mod network;
#[path = "sandbox/outputs.rs"]
mod outputs;
#[path = "sandbox/processes.rs"]
mod processes;
#[path = "sandbox/report.rs"]
mod report;
#[path = "sandbox/stubborn.rs"]
mod stubborn;
#[path = "sandbox/usage.rs"]
mod usage;
#[path = "sandbox/visibility.rs"]
mod visibility;
