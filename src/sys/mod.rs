//! Direct system calls: the only module with `unsafe`.
//!
//! It imports nothing of ours and decides nothing. Each function is one call, or one fixed
//! sequence of calls, with the kernel's own arguments. What `nix` already wraps is used from
//! `nix`; here stands what it lacks, and what must not allocate because it runs between
//! `clone` and `execve`.

#![allow(unsafe_code)]

mod capability;
mod exec;
mod fd;
mod landlock;
mod large_pages;
mod memory;
mod message;
mod network;
mod process;
mod schedule;
mod seccomp;
mod signals;
mod xattr;

pub use capability::{
    drop_bounding_except, drop_every_capability, drop_held_capabilities, keep_only_capability,
    lock_securebits,
};
pub use exec::ExecImage;
pub use fd::{adopt, borrow, keep_only, raise_open_files};
pub use landlock::{add_path_rule, landlock_abi, restrict_self};
pub use large_pages::{
    LARGE_PAGE, Part, give_access, laid_out_size, move_into_large_pages, page_size, piece,
    thread_storage,
};
pub use memory::HotPages;
pub use message::{MAX_FDS, receive, send};
pub use network::loopback_up;
pub use process::{
    Parentage, ThreadId, Usage, clone_process, clone_process_available, clone_sibling_keeping,
    default_sigpipe, exit_now, fork, kill_by_pidfd, open_pidfd, reap, reap_any, wait_any,
};
pub use schedule::{give_way, interrupt_nobody, limit};
pub use seccomp::{
    Instruction, Knock, answer_knock, exec_and_exit_gate, exec_gate, filter_abi_available,
    gate_holds, install_filter, install_filter_with_listener, next_knock, no_judgement,
};
pub use signals::{Handlers, all_but_broken_pipes, heed};
pub use xattr::has_attribute;
