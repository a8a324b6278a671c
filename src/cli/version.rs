//! `codemode version`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::output::say;
use super::{Stop, output};
use crate::plan::off;

/// Show the version, the commit it was built from, and the interface it speaks
#[derive(Args)]
pub(super) struct VersionArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
    /// Known to release builds in a git checkout, or from `CODEMODE_BUILD_COMMIT` at build time.
    commit: Option<&'static str>,
    /// The gRPC service that clients call, and the one it calls.
    interface: [&'static str; 2],
    target: String,
    /// Whether it is a build for tests that can leave walls down.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    walls_off: bool,
    /// The kernel it runs on just now.
    kernel: Option<String>,
}

pub(super) fn main(args: &VersionArgs) -> Result<ExitCode, Stop> {
    let kernel = nix::sys::utsname::uname().ok();
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("CODEMODE_COMMIT").filter(|commit| !commit.is_empty()),
        interface: ["codemode.ExecutorService", "codemode.ToolService"],
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        walls_off: off::POSSIBLE,
        kernel: kernel.map(|name| name.release().to_string_lossy().into_owned()),
    };
    if args.json {
        output::json(&version)?;
        return Ok(ExitCode::SUCCESS);
    }
    say!("codemode {}", version.version);
    say!("commit     {}", version.commit.unwrap_or("not recorded in this build"));
    say!("interface  {} (calls {})", version.interface[0], version.interface[1]);
    if version.walls_off {
        say!("walls-off  for tests only: {} leaves walls down", off::VARIABLE);
    }
    say!("target     {}", version.target);
    say!("kernel     {}", version.kernel.as_deref().unwrap_or("unknown"));
    Ok(ExitCode::SUCCESS)
}
