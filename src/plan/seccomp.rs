//! The system-call policy: filters kept as data in `seccomp/`, compiled into the binary.
//!
//! Of several filters that a process is under, the kernel takes the strictest answer. A gate with a
//! listener goes in before these, which shut `seccomp(2)` behind them.

use crate::sys::Instruction;

/// The compiled policy.
#[derive(Debug, Clone)]
pub struct Filters {
    /// Of a run: what is allowed goes ahead, the known dangerous gets EPERM, all else ENOSYS.
    pub run: Vec<Instruction>,
    /// The same in two parts: of a warm interpreter, which allows what its guests need on their way,
    pub early: Vec<Instruction>,
    /// and of its guests, which takes that away.
    pub late: Vec<Instruction>,
    /// Of a run without namespaces, beside the first: EPERM for what would reach the service.
    pub confined: Vec<Instruction>,
    /// Of a run that is kept to some processors, beside the first: EPERM for the way back.
    pub kept: Vec<Instruction>,
    /// Of a run whose memory no control group counts, beside the first: EPERM for what would hide it.
    pub uncounted: Vec<Instruction>,
    /// Of a sandbox's init once it only waits; all else gets EPERM.
    pub init: Vec<Instruction>,
}

/// The system calls could not be judged on this machine.
#[derive(Debug, thiserror::Error)]
#[error(
    "the system-call policy is written for x86_64, not for '{0}'; run codemode on an x86_64 machine"
)]
pub struct WrongArchitecture(&'static str);

/// The filters.
///
/// # Errors
/// [`WrongArchitecture`] anywhere but on x86_64.
pub fn filters() -> Result<Filters, WrongArchitecture> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(WrongArchitecture(std::env::consts::ARCH));
    }
    Ok(Filters {
        run: instructions(include_bytes!(concat!(env!("OUT_DIR"), "/run.bpf"))),
        early: instructions(include_bytes!(concat!(env!("OUT_DIR"), "/early.bpf"))),
        late: instructions(include_bytes!(concat!(env!("OUT_DIR"), "/late.bpf"))),
        confined: instructions(include_bytes!(concat!(env!("OUT_DIR"), "/confined.bpf"))),
        kept: instructions(include_bytes!(concat!(env!("OUT_DIR"), "/kept.bpf"))),
        uncounted: instructions(include_bytes!(concat!(env!("OUT_DIR"), "/uncounted.bpf"))),
        init: instructions(include_bytes!(concat!(env!("OUT_DIR"), "/init.bpf"))),
    })
}

fn instructions(bytes: &[u8]) -> Vec<Instruction> {
    let (chunks, _) = bytes.as_chunks::<8>();
    let one = |&[code0, code1, jt, jf, k0, k1, k2, k3]: &[u8; 8]| Instruction {
        code: u16::from_le_bytes([code0, code1]),
        jt,
        jf,
        k: u32::from_le_bytes([k0, k1, k2, k3]),
    };
    chunks.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
