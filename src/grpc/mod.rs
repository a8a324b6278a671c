//! The executor's gRPC face, and the main application's tools behind it.

mod admission;
mod answer;
mod arriving;
mod auth;
mod caller;
mod counted;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod incoming;
mod listen;
mod main_app;
mod metadata;
mod pieces;
mod privileges;
mod probe;
mod request;
mod resolve;
mod server;
mod service;
mod structs;

pub use listen::{bind, bind_metrics};
pub use privileges::{account, drop_privileges};
pub use probe::{Probe, ProbeError, ProbeTls, Trust};
pub use resolve::main_app_resolves;
pub use server::{Listeners, ServeError, Settings, StopSignals, serve};
pub(crate) use structs::to_json;

/// Generated from `proto/codemode.proto`.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod proto {
    tonic::include_proto!("codemode");

    /// The interface's own description, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/codemode.bin"));
}
