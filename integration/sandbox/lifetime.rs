//! When a run is over, nothing of it is left, whoever died first.

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::harness::{Program, codemode, eventually, outcome, python, run, run_args};
use super::live::{Live, gone};
use super::processes;

const SOON: Duration = Duration::from_secs(2);

#[test]
fn a_daemon_does_not_outlive_its_run() {
    let program = r#"
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                # Seen once it is an orphan: before that its parent changes under the eye.
                while os.getppid() != 1:
                    time.sleep(0.01)
                mark()
                time.sleep(60)
            os._exit(0)
        os.wait()
        time.sleep(2.5)
    "#;
    let mut live = Live::start(&[], program);
    let everything = live.everything();
    assert!(everything.contains(&live.guest), "the control: the daemon is seen");
    live.finish().expect("ok", 0);
    gone(&everything, Duration::ZERO);
    assert_eq!(processes::named(&live.marker), []);
}

#[test]
fn a_program_that_ignores_every_signal_meets_its_deadline() {
    let program = r#"
        import signal, time
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        mark()
        while True:
            time.sleep(60)
    "#;
    let mut live = Live::start(&["--timeout", "2"], program);
    // The control: it does ignore them.
    kill(Pid::from_raw(live.guest.pid), Signal::SIGTERM).unwrap();
    let everything = live.everything();
    assert!(processes::is_alive(&live.guest));
    let outcome = live.finish();
    outcome.expect("timeout", 124);
    assert!(outcome.elapsed < Duration::from_secs(10), "{outcome:#?}");
    gone(&everything, Duration::ZERO);
}

#[test]
fn a_child_that_holds_the_output_open_delays_nothing() {
    let program = r#"
        import os, time
        print("parent", flush=True)
        if os.fork() == 0:
            time.sleep(60)
    "#;
    let outcome = run(&[], program);
    outcome.expect("ok", 0);
    assert_eq!(outcome.text("stdout"), "parent\n");
    assert!(outcome.elapsed < Duration::from_secs(8), "{outcome:#?}");
}

/// Insists that none of a run's control groups is left.
#[track_caller]
fn none_left(groups: &[processes::Group]) {
    let gone = eventually(SOON, || processes::left(groups).is_empty());
    assert!(gone, "{:?}", processes::left(groups));
}

const WAIT: &str = "
    import os, time
    os.fork()
    mark()
    time.sleep(60)
";

#[test]
fn a_killed_front_leaves_nothing() {
    let live = Live::start(&[], WAIT);
    let (groups, everything) = (processes::control_groups(&live.guest), live.everything());
    assert!(everything.len() >= 3, "{everything:?}");
    live.signal_front(Signal::SIGKILL);
    gone(&everything, SOON);
    none_left(&groups);
}

/// Nobody was left to remove these groups; the next launcher does that has the same seat.
#[track_caller]
fn swept(groups: &[processes::Group]) {
    let gone = eventually(SOON * 10, || {
        run(&[], "").expect("ok", 0);
        processes::left(groups).is_empty()
    });
    assert!(gone, "{:?}", processes::left(groups));
}

#[test]
fn a_killed_launcher_is_a_fault_and_leaves_no_process() {
    let mut live = Live::start(&[], WAIT);
    let (launcher, everything) = (live.launcher.pid, live.everything());
    let groups = processes::control_groups(&live.guest);
    kill(Pid::from_raw(launcher), Signal::SIGKILL).unwrap();
    live.finish().expect("sandbox_fault", 125);
    gone(&everything, SOON);
    swept(&groups);
}

#[test]
fn a_killed_front_and_launcher_leave_nothing_once_the_next_run_swept() {
    let live = Live::start(&[], WAIT);
    let (launcher, everything) = (live.launcher.pid, live.everything());
    let groups = processes::control_groups(&live.guest);
    kill(Pid::from_raw(launcher), Signal::SIGSTOP).unwrap();
    live.signal_front(Signal::SIGKILL);
    kill(Pid::from_raw(launcher), Signal::SIGKILL).unwrap();
    gone(&everything, SOON);
    swept(&groups);
}

#[test]
fn an_ordinary_end_leaves_no_control_group() {
    let mut live = Live::start(&[], "import time; mark(); time.sleep(4)");
    let groups = processes::control_groups(&live.guest);
    let outcome = live.finish();
    outcome.expect("ok", 0);
    let counted = ["cgroup_memory", "cgroup_pids", "cgroup_cpu"].map(|wall| outcome.stood(wall));
    assert_eq!(counted.contains(&true), !groups.is_empty(), "the control: {groups:?}");
    none_left(&groups);
}

#[test]
fn an_interrupted_front_cancels_its_run() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut live = Live::start(&[], WAIT);
        let (groups, everything) = (processes::control_groups(&live.guest), live.everything());
        live.signal_front(signal);
        live.finish().expect("cancelled", 130);
        gone(&everything, SOON);
        none_left(&groups);
    }
}

#[test]
fn a_terminal_s_interrupt_reaches_the_launcher_too_and_the_run_ends_all_the_same() {
    use std::os::unix::process::CommandExt as _;
    let mut live = Live::start_as(&[], WAIT, |command| command.process_group(0));
    let everything = live.everything();
    // Ctrl-C goes to the whole foreground group.
    kill(Pid::from_raw(-live.front_pid), Signal::SIGINT).unwrap();
    live.finish().expect("cancelled", 130);
    gone(&everything, SOON);
}

#[test]
fn a_killed_interpreter_is_a_signal_of_its_own() {
    let mut live = Live::start(&[], "import time; mark(); time.sleep(60)");
    kill(Pid::from_raw(live.guest.pid), Signal::SIGKILL).unwrap();
    let outcome = live.finish();
    outcome.expect("signal", 137);
    assert_eq!(outcome.report["signal"], 9);
}

#[test]
fn a_killed_init_is_a_fault() {
    let mut live = Live::start(&[], WAIT);
    let inside = live.inside();
    kill(Pid::from_raw(live.init().pid), Signal::SIGKILL).unwrap();
    live.finish().expect("sandbox_fault", 125);
    gone(&inside, SOON);
}

#[test]
fn a_stopped_program_meets_its_deadline() {
    let mut live = Live::start(&["--timeout", "2"], WAIT);
    kill(Pid::from_raw(live.guest.pid), Signal::SIGSTOP).unwrap();
    let everything = live.everything();
    live.finish().expect("timeout", 124);
    gone(&everything, SOON);
}

/// A timer ticks every 0.2 ms, and every tick writes eight bytes; `last` is how the program ends.
///
/// The handler is a function of the C library that takes the signal's number (14) as a descriptor
/// and what stands in the second register, an address on the stack, as the value to write. One in
/// Python would have to take the interpreter's lock, which the interrupted code may just hold.
fn ticks(last: &str) -> usize {
    let program = format!(
        "
        import ctypes, os, signal, time
        libc = ctypes.CDLL(None)
        os.dup2(1, signal.SIGALRM)
        libc.signal(signal.SIGALRM, libc.eventfd_write)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0002)
        {last}
        "
    );
    let outcome = run(&[], &program);
    outcome.expect("ok", 0);
    // The upper bytes of an address on the stack.
    outcome.text("stdout").matches("\u{7f}\0\0").count()
}

#[test]
fn a_program_that_is_held_at_its_end_hears_no_signal() {
    let control = ticks("[time.sleep(0.001) for _ in range(50)]; libc._exit(0)");
    assert!(control > 10, "the control: the timer ticks, {control}");
    // One may come before the end; held, it would tick until the sandbox is taken down.
    let held = (0..5).map(|_| ticks("libc._exit(0)")).min().unwrap();
    assert!(held <= 2, "{held} ticks after the end");
}

#[test]
fn signals_ignored_by_whoever_started_it_are_not_ignored_inside() {
    let program = Program::new(
        r#"
        import os, signal
        if (child := os.fork()) == 0:
            os._exit(3)
        ignored = [s.name for s in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1)
                   if signal.getsignal(s) == signal.SIG_IGN]
        result = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), ignored]
        "#,
    );
    let run = codemode(run_args(&[], &program, &[]));
    // A process that ignores them and becomes what it is told.
    let ignore = "import os, signal, sys\n\
                  for s in sys.argv[1].split(): signal.signal(int(s), signal.SIG_IGN)\n\
                  os.execv(sys.argv[2], sys.argv[2:])";
    let mut through = Command::new(python());
    through.args(["-I", "-c", ignore, "1 10 15 17"]).arg(run.get_program()).args(run.get_args());
    for (name, value) in run.get_envs() {
        match value {
            Some(value) => through.env(name, value),
            None => through.env_remove(name),
        };
    }
    assert_eq!(outcome(through).result(), json!([3, []]));
}
