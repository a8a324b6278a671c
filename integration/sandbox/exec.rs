//! Starting programs: refused altogether, or all but those allowed by name.

use super::harness::{Outcome, run};

/// Every way to start a program that Python has; `how` maps a name to a call that would print.
const ATTEMPT: &str = r#"
    import os, subprocess, sys
    def attempt(call):
        try:
            call()
            return "started"
        except OSError as error:
            return type(error).__name__
    def start(*command, **more):
        return lambda: subprocess.run(command, check=False, **more)
    def write(path, contents, mode=0o755):
        with open(path, "wb") as file:
            file.write(contents)
        os.chmod(path, mode)
        return path
    def copy(path, to):
        with open(path, "rb") as file:
            return write(to, file.read())
    LOADER = "/lib64/ld-linux-x86-64.so.2"
"#;

fn attempts(flags: &[&str], text: &str) -> Outcome {
    run(flags, &(super::harness::dedent(ATTEMPT) + &super::harness::dedent(text)))
}

#[test]
fn nothing_can_be_started_by_default() {
    let outcome = attempts(
        &[],
        r##"
            script = write("/tmp/script", b"#!" + sys.executable.encode() + b"\nprint('started')\n")
            elf = copy(sys.executable, "/tmp/python")
            descriptor = os.open(sys.executable, os.O_RDONLY)
            def replace():
                child = os.fork()
                if child == 0:
                    try:
                        os.execv(sys.executable, [sys.executable, "-c", "print('started')"])
                    except OSError:
                        os._exit(42)
                if os.waitpid(child, 0)[1] >> 8 == 42:
                    raise PermissionError
            result = {
                "interpreter": attempt(start(sys.executable, "-c", "print('started')")),
                "shell": attempt(start("/bin/sh", "-c", "echo started")),
                "shell=True": attempt(start("echo started", shell=True)),
                "script": attempt(start(script)),
                "elf": attempt(start(elf, "-c", "print('started')")),
                "loader": attempt(start(LOADER, sys.executable, "-c", "print('started')")),
                "fexecve": attempt(lambda: os.execve(descriptor, ["x"], {})),
                "proc exe": attempt(start("/proc/self/exe", "-c", "print('started')")),
                "posix_spawn": attempt(lambda: os.posix_spawn(sys.executable, ["x"], {})),
                "fork and exec": attempt(replace),
                "memfd": attempt(lambda: os.memfd_create("x")),
                "os.system": "started" if os.system("echo started") == 0 else "refused",
            }
        "##,
    );
    for (way, answer) in outcome.result().as_object().unwrap() {
        assert_ne!(answer, "started", "{way}: {outcome:#?}");
    }
    assert!(!outcome.text("stdout").contains("started"), "{outcome:#?}");
    assert!(outcome.usage("exec_refusals") >= 8, "{outcome:#?}");
    assert!(outcome.stood("exec_gate"));
}

#[test]
fn a_program_that_starts_nothing_is_charged_with_nothing() {
    assert_eq!(run(&[], "print('x')").usage("exec_refusals"), 0);
}

#[test]
fn each_refused_start_is_counted() {
    let program = r#"
        import subprocess, sys
        for _ in range(5):
            try:
                subprocess.run([sys.executable, "-c", ""])
            except PermissionError:
                pass
    "#;
    assert_eq!(run(&[], program).usage("exec_refusals"), 5);
}

#[test]
fn a_storm_of_starts_ends_with_the_run() {
    let program = r#"
        import os, sys
        for _ in range(3):
            os.fork()
        for _ in range(500):
            try:
                os.execv(sys.executable, [sys.executable])
            except PermissionError:
                pass
    "#;
    let outcome = run(&["--timeout", "20"], program);
    outcome.expect("ok", 0);
    assert!(outcome.usage("exec_refusals") >= 500, "{outcome:#?}");
}

#[test]
fn an_allowed_command_works_and_no_other() {
    let outcome = attempts(
        &["--allow-command", "cat"],
        r#"
            import shutil
            write("/tmp/file", b"contents", 0o644)
            cat = shutil.which("cat")
            copied = copy(cat, "/tmp/cat")
            os.symlink(cat, "/tmp/link")
            result = {
                "cat": subprocess.run(["cat", "/tmp/file"], capture_output=True).stdout.decode(),
                "link": attempt(start("/tmp/link", "/tmp/file")),
                "interpreter": attempt(start(sys.executable, "-c", "")),
                "ls": attempt(start("ls")),
                "sh": attempt(start("/bin/sh", "-c", "echo started")),
                "bash": attempt(start("/bin/bash", "-c", "echo started")),
                "copied": attempt(start(copied, "/tmp/file")),
                "copied elsewhere": attempt(start(copy(cat, "/dev/shm/cat"), "/tmp/file")),
                "memfd": attempt(lambda: os.memfd_create("x")),
            }
            loader = attempt(start(LOADER, copied, "/tmp/file", stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            ran = loader == "started" and subprocess.run(
                [LOADER, copied, "/tmp/file"], capture_output=True).stdout == b"contents"
            result["loader"] = "started" if ran else "refused"
        "#,
    );
    let seen = outcome.result();
    assert_eq!(seen["cat"], "contents", "{outcome:#?}");
    assert_eq!(seen["link"], "started", "a link to what is allowed");
    assert_eq!(seen["interpreter"], "started");
    for absent in ["ls", "sh", "bash"] {
        assert_eq!(seen[absent], "FileNotFoundError", "{absent}");
    }
    for refused in ["copied", "copied elsewhere"] {
        assert_eq!(seen[refused], "PermissionError", "{refused}");
    }
    assert_ne!(seen["memfd"], "started");
    // The loader maps a copy from a noexec mount, which the kernel refuses.
    assert_eq!(seen["loader"], "refused");
}

#[test]
fn a_script_is_no_command_either_where_commands_are_allowed() {
    let outcome = attempts(
        &["--allow-command", "cat"],
        r##"
            script = write("/tmp/script", b"#!/usr/bin/cat\nx\n")
            result = attempt(start(script))
        "##,
    );
    assert_eq!(outcome.result(), "PermissionError");
}

#[test]
fn code_in_files_of_its_own_is_not_mapped_executable() {
    let program = r#"
        import ctypes, mmap, sys
        result = {}
        for place in ("/tmp", "/sandbox", "/outputs", "/dev/shm"):
            with open(place + "/code", "wb") as file:
                file.write(bytes(4096))
            with open(place + "/code", "rb") as file:
                try:
                    mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE)
                    result[place] = "mapped"
                except OSError as error:
                    result[place] = type(error).__name__
                mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE)
    "#;
    for (place, answer) in run(&[], program).result().as_object().unwrap() {
        assert_eq!(answer, "PermissionError", "{place}");
    }
}
