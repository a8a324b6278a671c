//! A run that is looked at while it runs.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::harness::{Outcome, Program, START, codemode, eventually, run_args};
use super::processes::{self, Process};

/// Gives a process of a program the name in its first argument, by which it is found on the host.
pub const MARK: &str = r#"
import ctypes, sys
def mark():
    ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
"#;

/// A name that no other process has.
pub fn marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Both starts count, in one process.
    let start = &START[..1];
    format!("cm{}{start}{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A run whose program has called `mark()`, and so is past every wall.
pub struct Live {
    front: Option<Child>,
    begun: Instant,
    pub marker: String,
    /// `codemode run` itself.
    pub front_pid: i32,
    pub launcher: Process,
    /// The process that has the marker for its name.
    pub guest: Process,
    _program: Program,
}

impl Live {
    /// Starts `text` (after [`MARK`]) and waits until one of its processes has marked itself.
    pub fn start(flags: &[&str], text: &str) -> Self {
        Self::start_as(flags, text, |command| command)
    }

    /// The same with a say in how the command is started.
    pub fn start_as(
        flags: &[&str],
        text: &str,
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let marker = marker();
        let program = Program::new(&(MARK.to_owned() + &super::harness::dedent(text)));
        let mut command = codemode(run_args(flags, &program, &[&marker]));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let begun = Instant::now();
        let mut front = change(&mut command).spawn().expect("the binary under test starts");
        let front_pid = front.id() as i32;
        let mut guest = None;
        eventually(Duration::from_secs(20), || {
            guest = processes::named(&marker).into_iter().next();
            guest.is_some() || front.try_wait().is_ok_and(|ended| ended.is_some())
        });
        let below = processes::below(front_pid);
        let launcher = below.iter().find(|process| process.parent == front_pid).cloned();
        let (Some(guest), Some(launcher)) = (guest, launcher) else {
            let _ = front.kill();
            panic!("the program never marked itself: {:#?}", front.wait_with_output());
        };
        let front = Some(front);
        Self { front, begun, marker, front_pid, launcher, guest, _program: program }
    }

    /// Every process of the run: init, and all that is in its pid namespace.
    pub fn inside(&self) -> Vec<Process> {
        let depth = self.launcher.depth;
        processes::below(self.launcher.pid).into_iter().filter(|it| it.depth > depth).collect()
    }

    /// Process 1 of the run. A guest that was forked from a warm interpreter is its sibling.
    pub fn init(&self) -> Process {
        let first = |pid| processes::status(pid, "NSpid").ends_with("\t1");
        self.inside().into_iter().find(|process| first(process.pid)).expect("an init")
    }

    /// Launcher, run, and the interpreter that was warm.
    pub fn everything(&self) -> Vec<Process> {
        processes::below(self.front_pid)
    }

    pub fn signal_front(&self, signal: Signal) {
        kill(Pid::from_raw(self.front_pid), signal).expect("the front is there");
    }

    /// Waits for the front's own end.
    pub fn finish(&mut self) -> Outcome {
        let front = self.front.take().expect("not finished yet");
        let output = front.wait_with_output().expect("the front ends");
        Outcome::new(output, self.begun.elapsed())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(mut front) = self.front.take() {
            let _ = front.kill();
            let _ = front.wait();
        }
    }
}

/// Insists that every one of these processes is gone within `patience`.
#[track_caller]
pub fn gone(processes: &[Process], patience: Duration) {
    let left =
        || processes.iter().filter(|process| processes::is_alive(process)).collect::<Vec<_>>();
    assert!(eventually(patience, || left().is_empty()), "still there: {:?}", left());
}
