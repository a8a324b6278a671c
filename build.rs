//! Compiles the interface, without `protoc`, and the system-call policy, so that all of it is inside the one
//! binary.

#[path = "seccomp/compile.rs"]
mod seccomp;

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use protox::prost::Message;

/// The hostile programs of `codemode prove`.
const CORPUS: &str = "integration/corpus";

fn main() -> Result<(), Box<dyn Error>> {
    if env::var_os("CARGO_FEATURE_WALLS_OFF").is_some() && env::var("PROFILE")? == "release" {
        return Err("walls-off is for tests: a release must not be able to leave walls down".into());
    }
    let descriptors = protox::compile(["proto/codemode.proto"], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Served by reflection.
    fs::write(out.join("codemode.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    fs::write(out.join("run.bpf"), bytes(&seccomp::run()?))?;
    let (early, late) = seccomp::run_in_two()?;
    fs::write(out.join("early.bpf"), bytes(&early))?;
    fs::write(out.join("late.bpf"), bytes(&late))?;
    fs::write(out.join("init.bpf"), bytes(&seccomp::init()?))?;
    fs::write(out.join("confined.bpf"), bytes(&seccomp::confined()?))?;
    fs::write(out.join("kept.bpf"), bytes(&seccomp::kept()?))?;
    fs::write(out.join("uncounted.bpf"), bytes(&seccomp::uncounted()?))?;
    fs::write(out.join("corpus.rs"), corpus()?)?;
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=seccomp");
    println!("cargo:rerun-if-changed={CORPUS}");
    println!("cargo:rustc-env=CODEMODE_COMMIT={}", commit().unwrap_or_default());
    println!("cargo:rerun-if-env-changed=CODEMODE_BUILD_COMMIT");
    Ok(())
}

/// A table of every program below [`CORPUS`]: its path there, and its text.
fn corpus() -> Result<String, Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(CORPUS);
    let mut rows = Vec::new();
    for family in fs::read_dir(&root)? {
        let family = family?;
        if !family.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(family.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "py") {
                let name = path.strip_prefix(&root)?.to_string_lossy().into_owned();
                rows.push(format!("({name:?}, include_str!({path:?})),\n"));
            }
        }
    }
    rows.sort();
    Ok(format!("&[\n{}]", rows.concat()))
}

/// The commit that is built: what `CODEMODE_BUILD_COMMIT` says, or the checkout's. Other builds than releases don't
/// record it, so that they are not made anew after every commit.
fn commit() -> Option<String> {
    if let Ok(commit) = env::var("CODEMODE_BUILD_COMMIT") {
        return Some(commit);
    }
    if env::var("PROFILE").ok()? != "release" {
        return None;
    }
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo:rerun-if-changed={log}");
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// Instructions as the kernel reads them: code, jt, jf, k, little-endian.
fn bytes(program: &[seccompiler::sock_filter]) -> Vec<u8> {
    let one = |i: &seccompiler::sock_filter| {
        let (code, k) = (i.code.to_le_bytes(), i.k.to_le_bytes());
        [code[0], code[1], i.jt, i.jf, k[0], k[1], k[2], k[3]]
    };
    program.iter().flat_map(one).collect()
}
