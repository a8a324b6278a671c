//! The guest: from `fork` to the interpreter. The walls around one process go up here.

use std::os::fd::{AsFd, BorrowedFd};

use nix::fcntl::{OFlag, open};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl::{set_dumpable, set_no_new_privs, set_pdeathsig};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, chdir, close, getppid};

use super::super::record::{Record, Stage};
use super::{At, Becomes, ChildWall, Failure, GuestFiles, Prepared, borrowed, tell, tell_with};
use crate::sys;

/// Descriptors of the guest by number, after standard input, output, error and the control
/// socket (3), which reach the interpreter. These close on exec.
pub(super) const REPORT: i32 = 4;
const RULESET: i32 = 5;

/// Puts up the walls and becomes the interpreter, or tells init why not. Returns if that is what it was
/// forked from. `inherited` are standard input, output, error, the control socket and the socket to
/// init, by their numbers so far.
pub(super) fn become_guest(
    prepared: &Prepared,
    becomes: &Becomes,
    files: &GuestFiles,
    inherited: [i32; 5],
    ruleset: Option<i32>,
) {
    let report = inherited[4];
    if let Err(failure) = arrange_descriptors(prepared, inherited, ruleset) {
        give_up(borrowed(report), &failure);
    }
    // From here on only the fixed numbers are right.
    confine_and_become(prepared, becomes, files);
}

/// The same with descriptors that are where they should be.
pub(super) fn confine_and_become(prepared: &Prepared, becomes: &Becomes, files: &GuestFiles) {
    let report = borrowed(REPORT);
    let become_it = || match becomes {
        Becomes::Program(image) => Err(image.exec()),
        // Init waits for its end of this socket to close, as `execve` would have done.
        Becomes::Itself { .. } if !prepared.puts_up(ChildWall::Descriptors) => close(REPORT),
        Becomes::Itself { .. } => close(RULESET).and_then(|()| close(REPORT)),
    };
    let stands = confine(prepared, becomes, files, report);
    if let Err(failure) = stands.and_then(|()| become_it().at(Stage::Exec)) {
        give_up(report, &failure);
    }
}

pub(super) fn give_up(report: BorrowedFd<'_>, failure: &Failure) -> ! {
    tell(report, Record::Failed(failure.stage, failure.errno as i32));
    sys::exit_now(127)
}

/// Has the kernel end this process when init ends. In a pid namespace it does so by itself.
pub(super) fn die_with_init(init: Pid) {
    if set_pdeathsig(Signal::SIGKILL).is_err() || getppid() != init {
        sys::exit_now(127);
    }
}

fn arrange_descriptors(
    prepared: &Prepared,
    inherited: [i32; 5],
    ruleset: Option<i32>,
) -> Result<(), Failure> {
    let [stdin, stdout, stderr, control, report] = inherited;
    let wanted = [
        (stdin, false),
        (stdout, false),
        (stderr, false),
        (control, false),
        (report, true),
        (ruleset.unwrap_or(report), ruleset.is_none() || prepared.puts_up(ChildWall::Descriptors)),
    ];
    sys::keep_only(&wanted).at(Stage::Descriptors)
}

fn confine(
    prepared: &Prepared,
    becomes: &Becomes,
    files: &GuestFiles,
    report: BorrowedFd<'_>,
) -> Result<(), Failure> {
    chdir(prepared.directory.as_c_str()).at(Stage::Descriptors)?;
    // The launcher and init block signals for themselves, and Rust ignores SIGPIPE.
    SigSet::empty().thread_set_mask().at(Stage::Descriptors)?;
    match becomes {
        Becomes::Program(_) => sys::default_sigpipe().at(Stage::Descriptors)?,
        Becomes::Itself { handlers, .. } => {
            handlers.put_back().at(Stage::Descriptors)?;
            // The change of ids has taken it. `execve` gives it back by itself.
            set_dumpable(true).at(Stage::Undumpable)?;
        }
    }
    schedule(prepared).at(Stage::Scheduling)?;
    let limited = prepared.puts_up(ChildWall::Rlimits);
    // Here and not in init, which must not be ended by what the code makes it do.
    for limit in files.rlimits.iter().filter(|_| limited) {
        sys::limit(limit.resource, limit.soft, limit.hard).at(Stage::Rlimits)?;
    }
    if !prepared.puts_up(ChildWall::Capabilities) {
        // A test's wish.
    } else if !prepared.confined() {
        sys::lock_securebits().at(Stage::Capabilities)?;
        sys::drop_every_capability().at(Stage::Capabilities)?;
    } else {
        sys::drop_held_capabilities().at(Stage::Capabilities)?;
    }
    set_no_new_privs().at(Stage::NoNewPrivs)?;
    if files.ruleset.is_some() {
        restrict(prepared).at(Stage::Landlock)?;
    }
    let gate = match becomes {
        Becomes::Program(_) => &prepared.gate,
        Becomes::Itself { .. } => &prepared.joined_gate,
    };
    if let Some(gate) = gate {
        let listener = sys::install_filter_with_listener(gate).at(Stage::ExecGate)?;
        tell_with(report, Record::Gate, listener.as_fd()).at(Stage::ExecGate)?;
    }
    // Not before the listener is sent: the kernel counts descriptors under way per host user, and
    // refuses them above this limit (ETOOMANYREFS, unix(7)).
    let open_files = files.open_files;
    if limited {
        setrlimit(Resource::RLIMIT_NOFILE, open_files, open_files).at(Stage::Rlimits)?;
    }
    for filter in &prepared.further_filters {
        sys::install_filter(filter).at(Stage::Seccomp)?;
    }
    let filter = match becomes {
        Becomes::Program(_) => &prepared.guest_filter,
        // The larger part has stood since before it was forked.
        Becomes::Itself { .. } => &prepared.in_two.late,
    };
    sys::install_filter(filter).at(Stage::Seccomp)
}

/// Leaves the service its share of a container's processor time. Init keeps its own: the end of a run
/// must not wait for the run.
fn schedule(prepared: &Prepared) -> nix::Result<()> {
    if let Some(processors) = &prepared.kept_to {
        let mut set = CpuSet::new();
        processors.iter().try_for_each(|processor| set.set(*processor))?;
        sched_setaffinity(Pid::from_raw(0), &set)?;
    }
    if prepared.gives_way { sys::give_way() } else { Ok(()) }
}

/// Adds the directories that exist only in this run, then restricts for good.
fn restrict(prepared: &Prepared) -> nix::Result<()> {
    let ruleset = borrowed(RULESET);
    // None where it does not judge files.
    for place in prepared.writable.iter().filter(|_| prepared.landlock_write != 0) {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = open(place.target.as_c_str(), flags, Mode::empty())?;
        sys::add_path_rule(ruleset, directory.as_fd(), prepared.landlock_write)?;
    }
    sys::restrict_self(ruleset)
}
