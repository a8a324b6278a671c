//! `codemode docker assets`: what an image is built from, out of this binary.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::cli::files::{self, Content, NewFile};
use crate::cli::output::say;
use crate::cli::{Stop, output};

macro_rules! assets {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../docker/", $name)))),+]
    };
}

/// The files of `docker/`, by their names below the directory that is written.
const ASSETS: &[(&str, &str)] = assets![
    ".dockerignore",
    ".env.template",
    "Dockerfile",
    "LICENSE.Apache-2.0",
    "NOTICE",
    "README.md",
    "apparmor/codemode",
    "apparmor/codemode-host",
    "check-base.sh",
    "codemode-sidecar.yaml.template",
    "docker-compose.yml",
    "kubernetes/autoscaler.yaml",
    "kubernetes/kustomization.yaml",
    "kubernetes/network-policy.yaml",
    "kubernetes/node-profile.yaml",
    "kubernetes/seccomp.json",
    "kubernetes/secret.example.yaml",
    "kubernetes/shared-service.yaml",
    "kubernetes/sidecar.yaml",
    "seccomp-additions.json",
    "seccomp-default.json",
    "seccomp.json",
    "seccomp.py",
    "systemd/codemode.service",
];

/// Write everything that the image is built from: Dockerfile, compose file, profiles, this binary
///
/// The Dockerfile takes the binary beside it, so nothing is downloaded and the container runs this
/// very version. Nothing is overwritten without --force.
#[derive(Args)]
pub(super) struct AssetsArgs {
    /// Directory to write to; made if it is missing
    #[arg(long, value_name = "DIR")]
    dest: PathBuf,
    /// Replace files that exist
    #[arg(long, short)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: &AssetsArgs) -> Result<ExitCode, Stop> {
    let written = write(&args.dest, args.force)?;
    if args.json {
        output::json(&serde_json::json!({ "written": written }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for path in written {
        say!("{path}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes everything to `dest`; the paths of what was written.
///
/// # Errors
/// What stands in the way, unless forced; or as writing.
pub(super) fn write(dest: &Path, force: bool) -> Result<Vec<String>, Stop> {
    // The link and not its text: it holds even if the file was replaced meanwhile.
    let binary = File::open("/proc/self/exe")
        .map_err(|error| Stop::failed(format!("this program cannot be read ({error})")))?;
    let mut files: Vec<_> =
        ASSETS.iter().map(|(name, text)| NewFile::public(dest.join(name), *text)).collect();
    let path = dest.join("codemode");
    files.push(NewFile { path, content: Content::From(binary), mode: 0o755 });
    let written = files.iter().map(|file| file.path.display().to_string()).collect();
    files::write(files, force)?;
    Ok(written)
}
