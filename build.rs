//! Compiles the interface, without `protoc`, and the system-call policy.

#[path = "seccomp/compile.rs"]
mod seccomp;

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use protox::prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(["proto/codemode.proto"], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Served by reflection.
    fs::write(out.join("codemode.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    fs::write(out.join("run.bpf"), bytes(&seccomp::run()?))?;
    fs::write(out.join("init.bpf"), bytes(&seccomp::init()?))?;
    fs::write(out.join("confined.bpf"), bytes(&seccomp::confined()?))?;
    fs::write(out.join("kept.bpf"), bytes(&seccomp::kept()?))?;
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=seccomp");
    Ok(())
}

/// Instructions as the kernel reads them: code, jt, jf, k, little-endian.
fn bytes(program: &[seccompiler::sock_filter]) -> Vec<u8> {
    let one = |i: &seccompiler::sock_filter| {
        let (code, k) = (i.code.to_le_bytes(), i.k.to_le_bytes());
        [code[0], code[1], i.jt, i.jf, k[0], k[1], k[2], k[3]]
    };
    program.iter().flat_map(one).collect()
}
