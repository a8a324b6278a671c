//! Giving up what the network side must not have.

use std::io;

use caps::CapSet;
use nix::sys::prctl::{set_dumpable, set_no_new_privs};
use nix::unistd::{Gid, Uid, User, geteuid, setgroups, setresgid, setresuid};

/// The account that a front started as root becomes, if the host has it.
const ACCOUNT: &str = "codemode";
/// Otherwise: `nobody`.
const NOBODY: u32 = 65534;

/// The ids that a front started as root becomes; `None` for one that wasn't.
///
/// # Errors
/// As reading the host's accounts.
pub fn account() -> io::Result<Option<(Uid, Gid)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let account = User::from_name(ACCOUNT)?;
    Ok(Some(account.map_or_else(
        || (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY)),
        |account| (account.uid, account.gid),
    )))
}

/// Leaves the process without root's id, without any capability and without a way back.
///
/// To be called before it has other threads, and after everything that needs privileges: the
/// launcher, key files, a port below 1024.
///
/// # Errors
/// As `setresuid(2)` and `capset(2)`; the caller must not go on then.
pub fn drop_privileges() -> io::Result<()> {
    if let Some((uid, gid)) = account()? {
        setgroups(&[])?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
    }
    let other = |error: caps::errors::CapsError| io::Error::other(error.to_string());
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(other)?;
    }
    set_no_new_privs()?;
    // The key is in this process's memory: no core dump, no /proc/PID/mem for others of its id.
    Ok(set_dumpable(false)?)
}
