//! `codemode run` and `codemode doctor` against the kernel of this host. Each module of `sandbox/` holds the cases of
//! one subject. A denial stands beside its positive control, and is observed from outside the sandbox where it can be.
//!
//! Every case is there twice, with the same assertions: `fresh` runs each program in an interpreter of its own, `warm`
//! in one that is forked. A failure has the start in the name of its test.
//!
//! The tests pass as root and as an ordinary user. `CODEMODE_TEST_BINARY` names another binary to test, for users who
//! can't reach the one cargo built. What a host can't try is printed as `skipped: NAME: why`.

// `allow-unwrap-in-tests` doesn't reach helper functions.
#![allow(clippy::unwrap_used)]
// On purpose, see above.
#![allow(clippy::duplicate_mod)]

#[path = "sandbox"]
mod fresh {
    /// Where the interpreter of each run comes from, as in `--start` and in reports.
    pub const START: &str = "fresh";

    mod doctor;
    mod exec;
    mod harness;
    mod hostile_control;
    mod interpreters;
    mod kernel;
    mod lifetime;
    mod limits;
    mod live;
    mod mounts;
    mod network;
    mod outputs;
    mod processes;
    mod report;
    mod stubborn;
    mod usage;
    mod visibility;
}

#[path = "sandbox"]
mod warm {
    /// Where the interpreter of each run comes from, as in `--start` and in reports.
    pub const START: &str = "warm";

    mod doctor;
    mod exec;
    mod harness;
    mod hostile_control;
    mod interpreters;
    mod kernel;
    mod lifetime;
    mod limits;
    mod live;
    mod mounts;
    mod network;
    mod outputs;
    mod preload;
    mod processes;
    mod report;
    mod stubborn;
    mod usage;
    mod visibility;
}
