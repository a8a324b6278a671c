//! The system-call policy: two seccomp filters, kept as data in `seccomp/` and compiled here to BPF.
//!
//! A launcher installs [`Filters::allow`] first and [`Filters::refuse`] last. The order carries meaning: of two filters that answer
//! with an errno, the kernel returns that of the filter installed last, so a dangerous call says "Operation not permitted", while
//! a call that is merely unlisted says "Function not implemented" and libc falls back. `allow` must leave `seccomp(2)` open for the
//! filters after it, without flags; `refuse` shuts it. A filter with a listener (`SECCOMP_FILTER_FLAG_NEW_LISTENER`) therefore
//! goes in before `allow`.

use seccompiler::{BpfProgram, TargetArch};

/// One BPF instruction in the layout that `seccomp(2)` reads (`struct sock_filter`).
pub type SockFilter = seccompiler::sock_filter;

/// The most instructions that the kernel takes in one filter (`BPF_MAXINSNS`).
pub const MAX_INSTRUCTIONS: usize = 4096;

const ALLOW: Policy = Policy {
    file: "seccomp/allow.json",
    name: "allow",
    json: include_str!("../../seccomp/allow.json"),
};

const REFUSE: Policy = Policy {
    file: "seccomp/refuse.json",
    name: "refuse",
    json: include_str!("../../seccomp/refuse.json"),
};

const INIT: Policy = Policy {
    file: "seccomp/init.json",
    name: "init",
    json: include_str!("../../seccomp/init.json"),
};

/// The compiled policy. Install `allow` first and `refuse` last, both with `SECCOMP_SET_MODE_FILTER` of `seccomp(2)` and no
/// flags: once `allow` stands, `prctl(PR_SET_SECCOMP)` and every other form of the call are shut.
#[derive(Debug, Clone)]
pub struct Filters {
    /// The allow-list: a call that matches no rule gets ENOSYS.
    pub allow: Vec<SockFilter>,
    /// The calls that are refused by name with EPERM; all others pass on to `allow`.
    pub refuse: Vec<SockFilter>,
    /// The allow-list of a sandbox's init once it only waits.
    pub init: Vec<SockFilter>,
}

/// Why the system-call policy could not be compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeccompError {
    /// The policy names system calls of an architecture other than this one.
    #[error(
        "the system-call policy is written for x86_64, not for '{arch}'; run codemode on an x86_64 machine"
    )]
    Arch {
        /// Architecture that was asked for, as in `std::env::consts::ARCH`.
        arch: String,
    },
    /// A policy file is malformed or names an unknown system call.
    #[error("{file} does not compile to a seccomp filter; correct the rule that the cause names")]
    Compile {
        /// Policy file, relative to the repository.
        file: &'static str,
        /// What the compiler found.
        source: seccompiler::Error,
    },
    /// A policy file lacks the filter that it should hold.
    #[error("{file} holds no filter named '{name}'; give its top-level key that name")]
    Missing {
        /// Policy file, relative to the repository.
        file: &'static str,
        /// Top-level key that was looked for.
        name: &'static str,
    },
    /// A filter is longer than the kernel accepts.
    #[error(
        "{file} compiles to {length} instructions and the kernel takes at most 4096; merge or drop rules"
    )]
    TooLong {
        /// Policy file, relative to the repository.
        file: &'static str,
        /// Instructions in the compiled filter.
        length: usize,
    },
}

/// Compiles the filters for the architecture that codemode was built for.
///
/// # Errors
/// [`SeccompError::Arch`] anywhere but on x86_64; the other kinds mean that a policy file is at fault.
pub fn compile() -> Result<Filters, SeccompError> {
    compile_for(std::env::consts::ARCH)
}

fn compile_for(arch: &str) -> Result<Filters, SeccompError> {
    if arch != "x86_64" {
        return Err(SeccompError::Arch { arch: arch.to_owned() });
    }
    Ok(Filters { allow: ALLOW.compile()?, refuse: REFUSE.compile()?, init: INIT.compile()? })
}

/// A policy file: one JSON object whose only key names the filter.
struct Policy {
    file: &'static str,
    name: &'static str,
    json: &'static str,
}

impl Policy {
    fn compile(&self) -> Result<BpfProgram, SeccompError> {
        let file = self.file;
        let program = seccompiler::compile_from_json(self.json.as_bytes(), TargetArch::x86_64)
            .map_err(|source| SeccompError::Compile { file, source })?
            .remove(self.name)
            .ok_or(SeccompError::Missing { file, name: self.name })?;
        if program.len() > MAX_INSTRUCTIONS {
            return Err(SeccompError::TooLong { file, length: program.len() });
        }
        Ok(program)
    }
}

#[cfg(test)]
mod tests;
