//! `codemode serve`.

use std::process::ExitCode;

use clap::Args;

use super::Stop;

/// Serve the Codemode executor over gRPC
#[derive(Args)]
pub(super) struct ServeArgs {}

pub(super) fn main(_args: &ServeArgs) -> Result<ExitCode, Stop> {
    Err(Stop::usage("not yet"))
}
