//! What `bench` and `prove` stand on: `codemode serve` started under a guard, a caller of it, the application
//! that it calls, and what `/proc` says of the processes.

pub(crate) mod application;
pub(crate) mod caller;
pub mod guard;
pub mod machine;
pub(crate) mod processes;
pub(crate) mod service;

use std::io;

pub use machine::Machine;

/// Why there is nothing to measure or to try.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// The service did not come up, or went away.
    #[error("the service that was started for this {0}; see what `codemode doctor` says")]
    Service(String),
    /// Something of our own: a directory, a port, a process.
    #[error("{0}: {1}; free what is short and try again")]
    Io(&'static str, #[source] io::Error),
}
