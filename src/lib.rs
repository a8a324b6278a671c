//! codemode runs untrusted Python, each run in a kernel sandbox of its own, and says of each run
//! which walls stood and what proves its verdict.
//!
//! Data flows one way: [`config`] → [`policy`] → [`plan`] → [`sandbox`] → [`supervise`] →
//! [`report`], put together by [`engine`], offered by [`grpc`] and [`cli`], seen by operators through
//! [`observe`], measured by [`bench`], tried by [`prove`]. `ARCHITECTURE.md` tells why.

#![deny(unsafe_code)]

pub mod bench;
pub mod cli;
pub mod config;
pub mod engine;
#[doc(hidden)]
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod grpc;
pub mod harness;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod prove;
pub mod report;
pub mod sandbox;
pub mod supervise;
pub mod sys;
