//! Modules that are loaded before a run: which can't be, and what users are told of it.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::harness::{
    Outcome, Program, ask_python, codemode, home, outcome, outside, python, run, run_args, skip,
};
use super::interpreters::virtual_environment;

/// An interpreter that can import modules of the test's own.
struct Modules {
    directory: tempfile::TempDir,
}

impl Modules {
    /// Each with its name and its text; `None` if this host can't make a virtual environment.
    fn new(name: &str, modules: &[(&str, &str)]) -> Option<Self> {
        let directory = tempfile::tempdir_in(home()).unwrap();
        let Some(python) = virtual_environment(&directory.path().join("venv"), python()) else {
            skip(name, "python3 -m venv fails");
            return None;
        };
        let site = "import sysconfig; print(sysconfig.get_path('purelib'))";
        let site = PathBuf::from(ask_python(&python, site).unwrap());
        for (module, text) in modules {
            fs::write(site.join(format!("{module}.py")), super::harness::dedent(text)).unwrap();
        }
        Some(Self { directory })
    }

    fn python(&self) -> PathBuf {
        self.directory.path().join("venv/bin/python")
    }

    /// Runs `text` in an interpreter that has loaded `module`.
    fn run(&self, module: &str, text: &str) -> Outcome {
        let python = self.python();
        let flags = ["--python", python.to_str().unwrap(), "--preload", module];
        let program = Program::new(text);
        let mut command = codemode(run_args(&flags, &program, &[]));
        command.env_remove("CODEMODE_PYTHON");
        outcome(command)
    }
}

/// Each mapping is copied by the fork that makes a run, and the loader makes five of a library.
#[test]
fn what_the_loader_maps_in_pieces_is_joined_where_runs_are_forked() {
    let program = "
        import decimal, json, math, random
        with open('/proc/self/maps') as maps:
            pieces = [line.split()[5] for line in maps if 'lib-dynload' in line]
        result = len(pieces) / max(1, len(set(pieces)))";
    let fresh = outside(program, &[]).as_f64().unwrap();
    if fresh < 4.0 {
        let why = "this interpreter loads no libraries, or its loader maps them in few pieces";
        return skip("what_the_loader_maps_in_pieces_is_joined_where_runs_are_forked", why);
    }
    let warm = run(&[], program).result().as_f64().unwrap();
    assert!(warm < 3.0, "{warm} pieces of each, {fresh} where they are not joined");
}

#[test]
fn a_run_without_a_word_is_fresh_and_flags_go_before_variables() {
    let start = |flags: &[&str], variable: &str| {
        let program = Program::new("");
        let mut command = codemode(run_args(flags, &program, &[]));
        let report = command.env("CODEMODE_START", variable).output().unwrap().stdout;
        serde_json::from_slice::<serde_json::Value>(&report).unwrap()["start"].clone()
    };
    assert_eq!(start(&[], ""), "fresh");
    assert_eq!(start(&[], "warm"), "warm");
    assert_eq!(start(&["--start", "warm"], ""), "warm");
    assert_eq!(start(&["--start", "warm"], "fresh"), "warm");
    assert_eq!(start(&["--start", "fresh"], "warm"), "fresh");
}

#[test]
fn what_is_preloaded_is_there_before_the_program_and_is_loaded_once() {
    let loaded = "import sys; result = ['json' in sys.modules, 'csv' in sys.modules]";
    assert_eq!(run(&[], loaded).result(), json!([true, false]), "the control");
    assert_eq!(run(&["--preload", "csv"], loaded).result(), json!([true, true]));
    let name = "what_is_preloaded_is_there_before_the_program_and_is_loaded_once";
    let text = "import os, time\nBY, AT = os.getpid(), time.monotonic()\n";
    let Some(modules) = Modules::new(name, &[("noting", text)]) else { return };
    let text = "
        import os, sys, time
        result = ['noting' in sys.modules]
        import noting
        result += [noting.BY != os.getpid(), noting.AT < time.monotonic()]
    ";
    assert_eq!(modules.run("noting", text).result(), json!([true, true, true]));
}

/// The interpreter has practised runs by then.
#[test]
fn exit_handlers_of_a_preloaded_module_are_called_once_and_by_the_run() {
    let name = "exit_handlers_of_a_preloaded_module_are_called_once_and_by_the_run";
    let text = "import atexit, os\natexit.register(lambda: print('parting', os.getpid()))\n";
    let Some(modules) = Modules::new(name, &[("parting", text)]) else { return };
    let outcome = modules.run("parting", "print('running')");
    assert_eq!(outcome.report["stdout"], "running\nparting 2\n");
}

#[test]
fn nothing_of_what_an_interpreter_practised_is_in_a_run() {
    let text = "
        import sys
        main = sys.modules['__main__']
        names = sorted(name for name in vars(main) if not name.startswith('__'))
        result = [names, main.__dict__ is globals(), len(sys.argv), sys.path.count('')]
    ";
    let names = json!(["config", "context", "main", "sys", "tools"]);
    assert_eq!(run(&[], text).result(), json!([names, true, 1, 1]));
}

/// `logging` takes a lock before every fork. One held by the main thread is free to that thread alone.
#[test]
fn no_lock_of_a_preloaded_module_is_held_when_the_program_starts() {
    let text = "
        import logging, os, threading
        done = []
        def work():
            logging.getLogger('theirs').warning('heard')
            child = os.fork()
            if not child:
                os._exit(7)
            done.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(10)
        result = [thread.is_alive(), done]
    ";
    assert_eq!(run(&[], text).result(), json!([false, [7]]));
    assert_eq!(run(&["--preload", "logging,threading"], text).result(), json!([false, [7]]));
}

/// What each of these does when it is loaded, and what of it users are told.
const REFUSED: [(&str, &str, &str); 12] = [
    ("raises", "raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
    ("exits", "import sys; sys.exit('bye')", "SystemExit: bye"),
    ("recurses", "def down(): down()\ndown()", "RecursionError"),
    ("is_no_python", "def", "SyntaxError"),
    (
        "starts_a_thread",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        "starts threads",
    ),
    (
        "opens_a_socket",
        "import socket\nheld = socket.socket(socket.AF_UNIX)",
        "leaves a socket open",
    ),
    ("opens_a_file", "held = open('/etc/passwd')", "leaves /etc/passwd open"),
    ("leaves", "import os\nos._exit(3)", "ended with exit code 3"),
    ("dies", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL"),
    ("crashes", "import ctypes\nctypes.string_at(0)", "ended by SIGSEGV"),
    ("closes_descriptors", "import os\nos.closerange(3, 64)", "ended with exit code"),
    (
        "floods",
        "for _ in range(5000): print('x' * 999)\nprint('last')\nraise KeyError",
        "(it printed: ",
    ),
];

#[test]
fn a_module_that_can_t_be_loaded_or_forked_from_refuses_the_run_and_is_named() {
    let name = "a_module_that_can_t_be_loaded_or_forked_from_refuses_the_run_and_is_named";
    let texts = REFUSED.map(|(module, text, _)| (module, text));
    let Some(modules) = Modules::new(name, &texts) else { return };
    let missing = [("not_there_at_all", "", "ModuleNotFoundError")];
    for (module, _, why) in REFUSED.into_iter().chain(missing) {
        let refused = modules.run(module, "print('ran')");
        assert_eq!(refused.code, 125, "{module}: {refused:#?}");
        for words in [&format!("module {module}: "), why, "`preload`", "start: fresh"] {
            assert!(refused.stderr.contains(words), "{module}: {words}: {refused:#?}");
        }
        assert_eq!(refused.stderr.lines().count(), 1, "{module}: {refused:#?}");
        assert!(!refused.report.to_string().contains("ran"), "{module}: {refused:#?}");
    }
}

#[test]
fn doctor_names_the_module_that_no_run_would_start_with() {
    let doctor = |module| outcome(codemode(["doctor", "--json", "--preload", module]));
    assert_eq!(doctor("csv").code, 0, "the control");
    let told = doctor("not_there_at_all");
    assert_eq!((told.code, &told.report["ok"]), (1, &json!(false)), "{told:#?}");
    assert!(told.text("refused").contains("module not_there_at_all: "), "{told:#?}");
}

#[test]
fn a_module_that_only_talks_much_is_loaded() {
    let name = "a_module_that_only_talks_much_is_loaded";
    let text =
        "import sys\nfor _ in range(5000):\n    print('x' * 999)\n    sys.stderr.write('y' * 999)";
    let Some(modules) = Modules::new(name, &[("talks", text)]) else { return };
    let outcome =
        modules.run("talks", "print('alone')\nimport sys; result = 'talks' in sys.modules");
    assert_eq!(outcome.result(), true);
    assert_eq!((outcome.text("stdout"), outcome.text("stderr")), ("alone\n", ""), "{outcome:#?}");
}

#[test]
fn a_module_that_changes_its_process_changes_no_wall() {
    let name = "a_module_that_changes_its_process_changes_no_wall";
    let text = "
        import os, signal
        os.umask(0)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    ";
    let Some(modules) = Modules::new(name, &[("changes", text)]) else { return };
    let text = "
        import os, signal
        mask = os.umask(0)
        result = [mask, os.getcwd(), len(signal.pthread_sigmask(signal.SIG_BLOCK, ())), os.getpid()]
    ";
    assert_eq!(modules.run("changes", text).result(), json!([0o022, "/sandbox", 0, 2]));
}

/// Whether the paths of a venv below /tmp, which runs see their own of, lead the warm interpreter astray.
#[test]
fn modules_of_an_environment_below_tmp_can_be_preloaded() {
    let name = "modules_of_an_environment_below_tmp_can_be_preloaded";
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let Some(python) = virtual_environment(&directory.path().join("venv"), python()) else {
        return skip(name, "python3 -m venv fails");
    };
    let flags = ["--python", python.to_str().unwrap(), "--preload", "dropped"];
    let program = Program::new("import sys; result = sys.modules['dropped'].WORD");
    let mut command = codemode(run_args(&flags, &program, &[]));
    command.env_remove("CODEMODE_PYTHON");
    assert_eq!(outcome(command).result(), "from the venv");
}

/// Memory that is shared when it is mapped stays shared between all that is forked afterwards.
#[test]
fn a_module_that_shares_memory_refuses_the_run() {
    let name = "a_module_that_shares_memory_refuses_the_run";
    let text = "import mmap\nheld = mmap.mmap(-1, 4096)";
    let Some(modules) = Modules::new(name, &[("shares", text)]) else { return };
    let refused = modules.run("shares", "print('ran')");
    assert_eq!(refused.code, 125, "{refused:#?}");
    assert!(refused.stderr.contains("module shares: "), "{refused:#?}");
}

/// A child would go on beside every run, and hold the launcher's socket.
#[test]
fn a_module_that_leaves_a_process_refuses_the_run() {
    let name = "a_module_that_leaves_a_process_refuses_the_run";
    let text = "import os, time\nif os.fork() == 0:\n    time.sleep(99)\n    os._exit(0)";
    let Some(modules) = Modules::new(name, &[("forks", text)]) else { return };
    let refused = modules.run("forks", "print('ran')");
    assert_eq!(refused.code, 125, "{refused:#?}");
    assert!(refused.stderr.contains("module forks: "), "{refused:#?}");
}
