//! System calls that no run may make: each answers EPERM or ENOSYS, beside one that works.

use serde_json::json;

use super::harness::{START, run};

/// Tries raw system calls of x86_64 with arguments under which an unconfined kernel would do
/// something or complain about the arguments.
const TRY: &str = r#"
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    pointer = ctypes.create_string_buffer(4096)
    CLONE_NEWUSER, SIGCHLD = 0x10000000, 17
    attempts = {
        "unshare user": (272, CLONE_NEWUSER), "unshare mount": (272, 0x20000),
        "setns": (308, 0, 0), "clone user": (56, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0),
        "clone pid": (56, 0x20000000 | SIGCHLD, 0, 0, 0, 0), "clone3": (435, pointer, 88),
        "mount": (165, b"none", b"/tmp", b"tmpfs", 0, 0), "umount2": (166, b"/tmp", 2),
        "pivot_root": (155, b"/tmp", b"/tmp"), "chroot": (161, b"/tmp"),
        "fsopen": (430, b"tmpfs", 0), "open_tree": (428, -100, b"/tmp", 1),
        "move_mount": (429, 0, b"", 0, b"", 0), "mount_setattr": (442, -100, b"/tmp", 0, pointer, 32),
        "open_by_handle_at": (304, 0, pointer, 0), "ptrace": (101, 0, 0, 0, 0),
        "process_vm_readv": (310, 1, pointer, 1, pointer, 1, 0),
        "process_vm_writev": (311, 1, pointer, 1, pointer, 1, 0),
        "pidfd_getfd": (438, 0, 0, 0), "kcmp": (312, 1, 1, 0, 0, 0),
        "bpf": (321, 0, pointer, 72), "seccomp": (317, 1, 0, pointer),
        "perf_event_open": (298, pointer, 0, -1, -1, 0), "userfaultfd": (323, 1),
        "io_uring_setup": (425, 1, pointer), "io_uring_enter": (426, 0, 0, 0, 0, 0, 0),
        "keyctl": (250, 0, -3, 1), "add_key": (248, b"user", b"x", b"y", 1, -3),
        "request_key": (249, b"user", b"x", 0, -3), "init_module": (175, pointer, 8, b""),
        "finit_module": (313, 0, b"", 0), "kexec_load": (246, 0, 0, 0, 0),
        "setuid": (105, 1000), "setgid": (106, 1000), "setgroups": (116, 0, 0), "capset": (126, 0, 0),
        "reboot": (169, 0, 0, 0, 0), "settimeofday": (164, pointer, 0), "sethostname": (170, b"x", 1),
        "syslog": (103, 10, 0, 0), "iopl": (172, 3), "ioperm": (173, 0, 1, 1), "acct": (163, 0),
        "swapon": (167, b"/tmp/x", 0), "quotactl": (179, 0, 0, 0, 0), "fanotify_init": (300, 0, 0),
        "shmget": (29, 0, 4096, 0o1600), "semget": (64, 0, 1, 0o1600), "msgget": (68, 0, 0o1600),
        "memfd_create": (319, b"x", 0), "memfd_secret": (447, 0), "mq_open": (240, b"x", 66, 0o600, 0),
        "modify_ldt": (154, 0, pointer, 16), "personality ADDR_NO_RANDOMIZE": (135, 0x40000),
        "mknod device": (133, b"/tmp/dev", 0o020666, 0x103), "vmsplice": (278, 0, 0, 0, 0),
        "landlock_create_ruleset": (444, 0, 0, 1), "ioctl TIOCSTI": (16, 0, 0x5412, pointer),
        "prctl PR_SET_SECCOMP": (157, 22, 2, pointer, 0, 0),
        "prctl PR_CAP_AMBIENT": (157, 47, 4, 0, 0, 0), "prctl PR_SET_DUMPABLE": (157, 4, 0, 0, 0, 0),
        "x32 getpid": (0x40000000 + 39,),
    }
    result = {}
    for name, (number, *arguments) in attempts.items():
        ctypes.set_errno(0)
        answer = libc.syscall(ctypes.c_long(number), *[
            argument if isinstance(argument, (bytes, ctypes.Array)) else ctypes.c_long(argument)
            for argument in arguments
        ])
        if name.startswith("clone") and answer == 0:
            os._exit(0)
        result[name] = ctypes.get_errno() if answer == -1 else "answered %d" % answer
    control = {"getpid": libc.syscall(ctypes.c_long(39)) == os.getpid()}
    child = os.fork()
    if child == 0:
        os._exit(7)
    control["fork"] = os.waitpid(child, 0)[1] >> 8
    result = {"refused": result, "control": control}
"#;

#[test]
fn dangerous_calls_are_refused() {
    let seen = run(&[], TRY).result();
    let refused = [json!(libc::EPERM), json!(libc::ENOSYS)];
    for (call, answer) in seen["refused"].as_object().unwrap() {
        assert!(refused.contains(answer), "{call}: {answer}");
    }
    assert_eq!(seen["control"], json!({"getpid": true, "fork": 7}));
}

#[test]
fn a_call_of_the_32_bit_table_kills() {
    // mov eax, 20 (getpid of i386); int 0x80; ret
    let program = r#"
        import ctypes, mmap, sys
        code = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
        code.write(bytes.fromhex(sys.argv[1]))
        address = ctypes.addressof(ctypes.c_char.from_buffer(code))
        result = ctypes.CFUNCTYPE(ctypes.c_long)(address)()
    "#;
    let run = |code| super::harness::run_with(&[], program, &[code]);
    run("b814000000cd80c3").expect("signal", 128 + libc::SIGSYS);
    // The control: mov eax, 39 (getpid of x86_64); syscall; ret
    assert_eq!(run("b8270000000f05c3").result(), 2);
}

#[test]
fn limits_can_only_fall() {
    let program = r#"
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 1, hard - 1))
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            result = "raised"
        except (ValueError, OSError) as error:
            result = type(error).__name__
    "#;
    assert_ne!(run(&[], program).result(), "raised");
}

#[test]
fn no_terminal_and_a_session_of_its_own() {
    let program = r#"
        import os
        try:
            os.open("/dev/tty", os.O_RDWR)
            tty = "opened"
        except OSError as error:
            tty = type(error).__name__
        result = {"tty": tty, "session": os.getsid(0), "isatty": [os.isatty(fd) for fd in range(3)]}
    "#;
    let seen = run(&[], program).result();
    // Init, which the program isn't told of, leads the session; a guest that isn't its child leads one of its own.
    let session = if START == "warm" { 2 } else { 1 };
    assert_eq!(
        seen,
        json!({"tty": "FileNotFoundError", "session": session, "isatty": [false, false, false]})
    );
}

#[test]
fn the_main_thread_knows_its_id_inside_and_none_outside() {
    let text = "import os, threading\n\
                result = [threading.main_thread().native_id, threading.get_native_id(), os.getpid()]";
    assert_eq!(run(&[], text).result(), json!([2, 2, 2]));
}
