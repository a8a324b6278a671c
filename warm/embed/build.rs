//! Builds the library that a warm interpreter loads, and the cradle: Cargo has no way yet to let one package embed
//! what another builds.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What is embedded.
const BUILT: [&str; 2] = ["libcodemode_warm.so", "codemode-cradle"];

/// What that is made from, as seen from the repository.
const SOURCES: [&str; 6] = [
    "warm",
    "src/sys",
    "src/sandbox/child",
    "src/sandbox/order.rs",
    "src/sandbox/record.rs",
    "Cargo.lock",
];

fn main() -> Result<(), Box<dyn Error>> {
    let repository = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let target = env::var("TARGET")?;
    let directory = out.join("target");
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--package",
        "codemode-warm",
        "--target",
        &target,
    ]);
    cargo.arg("--target-dir").arg(&directory);
    cargo.current_dir(&repository);
    // Both have the same walls, or neither is what it says.
    if env::var_os("CARGO_FEATURE_WALLS_OFF").is_some() {
        cargo.args(["--features", "walls-off"]);
    }
    // Flags of whoever builds the whole may instrument, as fuzzing does, for something that is neither in the
    // interpreter nor in the cradle.
    for flags in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"] {
        cargo.env_remove(flags);
    }
    // Set where this is part of `cargo clippy`, whose driver makes no library.
    for wrapper in ["RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS"] {
        cargo.env_remove(wrapper);
    }
    let done = cargo.output()?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned().into());
    }
    for name in BUILT {
        fs::copy(directory.join(&target).join("release").join(name), out.join(name))?;
    }
    for source in SOURCES {
        println!("cargo:rerun-if-changed={}", repository.join(source).display());
    }
    Ok(())
}
