//! Capability sets and securebits, without allocation (`capabilities(7)`).

use nix::errno::Errno;

const VERSION_3: u32 = 0x2008_0522;
const LAST_POSSIBLE: libc::c_ulong = 63;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn capset_empty() -> nix::Result<()> {
    let header = Header { version: VERSION_3, pid: 0 };
    let data = [Data::default(); 2];
    // SAFETY: both pointers refer to live values laid out as capset(2) of version 3 reads them
    // (one header, two data words); the kernel only reads from them.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    Errno::result(done).map(drop)
}

/// Keeps one capability (of the first 32) and no other, over `execve` too (ambient, Linux 4.3). Where it isn't
/// held nothing is kept.
///
/// # Errors
/// As `capset(2)` and `prctl(2)`.
pub fn keep_only_capability(capability: u32) -> nix::Result<()> {
    let header = Header { version: VERSION_3, pid: 0 };
    let mut held = [Data::default(); 2];
    // SAFETY: both pointers refer to live, writable values laid out as capget(2) of version 3 fills them.
    let got = unsafe { libc::syscall(libc::SYS_capget, &raw const header, held.as_mut_ptr()) };
    Errno::result(got)?;
    let mask = held[0].permitted & (1 << capability);
    if mask == 0 {
        return drop_held_capabilities();
    }
    let only = Data { effective: mask, permitted: mask, inheritable: mask };
    let data = [only, Data::default()];
    // SAFETY: as `capset_empty`.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    Errno::result(done)?;
    let raise = libc::PR_CAP_AMBIENT_RAISE;
    // SAFETY: prctl with integer arguments only.
    let done =
        unsafe { libc::prctl(libc::PR_CAP_AMBIENT, raise, capability as libc::c_ulong, 0, 0) };
    Errno::result(done).map(drop)
}

fn drop_bounding(capability: libc::c_ulong) -> nix::Result<bool> {
    // SAFETY: prctl with integer arguments only.
    let done = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    match Errno::result(done) {
        Ok(_) => Ok(true),
        // Past the kernel's last capability.
        Err(Errno::EINVAL) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Removes every capability from the bounding set but those in the bit mask `keep`.
///
/// # Errors
/// `EPERM` without `CAP_SETPCAP` in the user namespace.
pub fn drop_bounding_except(keep: u64) -> nix::Result<()> {
    for capability in 0..=LAST_POSSIBLE {
        if keep & (1 << capability) == 0 && !drop_bounding(capability)? {
            break;
        }
    }
    Ok(())
}

/// Empties the ambient, permitted, effective and inheritable sets, where the bounding set can't be
/// changed. Without new privileges (`PR_SET_NO_NEW_PRIVS`) nothing comes back from there.
///
/// # Errors
/// As `capset(2)`.
pub fn drop_held_capabilities() -> nix::Result<()> {
    // SAFETY: prctl with integer arguments only.
    let cleared =
        unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
    Errno::result(cleared)?;
    capset_empty()
}

/// Empties the ambient, bounding, permitted, effective and inheritable sets.
///
/// # Errors
/// `EPERM` if the bounding set can't be changed (no `CAP_SETPCAP`).
pub fn drop_every_capability() -> nix::Result<()> {
    // SAFETY: prctl with integer arguments only.
    let cleared =
        unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
    Errno::result(cleared)?;
    drop_bounding_except(0)?;
    capset_empty()
}

/// Sets and locks `NOROOT`, `NO_SETUID_FIXUP` and `NO_CAP_AMBIENT_RAISE`, and locks `KEEP_CAPS`
/// off, so that no later `execve` or id change can bring a capability back.
///
/// # Errors
/// `EPERM` without `CAP_SETPCAP`.
pub fn lock_securebits() -> nix::Result<()> {
    const NOROOT: libc::c_ulong = 1 << 0 | 1 << 1;
    const NO_SETUID_FIXUP: libc::c_ulong = 1 << 2 | 1 << 3;
    const KEEP_CAPS_LOCKED: libc::c_ulong = 1 << 5;
    const NO_CAP_AMBIENT_RAISE: libc::c_ulong = 1 << 6 | 1 << 7;
    let bits = NOROOT | NO_SETUID_FIXUP | KEEP_CAPS_LOCKED | NO_CAP_AMBIENT_RAISE;
    // SAFETY: prctl with integer arguments only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, bits, 0, 0, 0) }).map(drop)
}
