//! Each limit: one program beyond it, with its own verdict, beside one just below it.

use std::time::Duration;

use serde_json::json;

use super::harness::run;

#[test]
fn wall_clock() {
    let program = |seconds: &str| format!("import time\ntime.sleep({seconds})");
    let over = run(&["--timeout", "0.5"], &program("60"));
    over.expect("timeout", 124);
    assert!(over.elapsed < Duration::from_secs(8), "{over:#?}");
    run(&["--timeout", "5"], &program("0.3")).expect("ok", 0);
}

#[test]
fn wall_clock_of_a_program_that_is_busy() {
    run(&["--timeout", "0.5"], "while True: pass").expect("timeout", 124);
}

#[test]
fn cpu_time() {
    let spin = |seconds: &str| format!("import time\nwhile time.process_time() < {seconds}: pass");
    let over = run(&["--cpu-time", "0.5"], &spin("50"));
    over.expect("cpu_limit", 137);
    assert!(over.text("evidence").contains("limit 0.5 s"), "{over:#?}");
    run(&["--cpu-time", "5"], &spin("0.3")).expect("ok", 0);
    // Waiting is not computing.
    run(&["--cpu-time", "0.8"], "import time; time.sleep(1.2)").expect("ok", 0);
}

#[test]
fn cpu_time_counts_all_processes() {
    let program = r#"
        import os, time
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                while time.process_time() < 0.6: pass
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
    "#;
    run(&["--cpu-time", "1"], program).expect("cpu_limit", 137);
    run(&["--cpu-time", "20"], program).expect("ok", 0);
}

#[test]
fn cpu_time_s_first_signal_can_be_caught_but_not_outlived() {
    let program = r#"
        import signal
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        while True: pass
    "#;
    let over = run(&["--cpu-time", "0.5", "--timeout", "20"], program);
    assert_eq!(over.verdict(), "cpu_limit", "{over:#?}");
}

#[test]
fn memory() {
    let program = |mebibytes: u32| format!("data = b'x' * ({mebibytes} << 20)");
    let over = run(&["--memory", "64M"], &program(300));
    over.expect("memory_limit", 137);
    run(&["--memory", "64M"], &program(24)).expect("ok", 0);
}

#[test]
fn memory_bit_by_bit() {
    let program = r#"
        held = []
        while True:
            held.append(b"x" * (1 << 20))
    "#;
    run(&["--memory", "64M"], program).expect("memory_limit", 137);
}

#[test]
fn memory_of_all_processes_together() {
    let program = |mebibytes: u32| {
        format!(
            r#"
                import os, time
                children = []
                for _ in range(4):
                    child = os.fork()
                    if child == 0:
                        data = b"x" * ({mebibytes} << 20)
                        time.sleep(1)
                        os._exit(0)
                    children.append(child)
                for child in children:
                    os.waitpid(child, 0)
                time.sleep(0.1)
            "#
        )
    };
    let over = run(&["--memory", "96M"], &program(40));
    over.expect("memory_limit", 137);
    run(&["--memory", "96M"], &program(2)).expect("ok", 0);
}

#[test]
fn memory_of_a_process_whose_first_thread_has_ended() {
    let program = |rounds: u32| {
        format!(
            r#"
                import ctypes, os, threading, time
                def go_on():
                    kept = []
                    for _ in range({rounds}):
                        kept.append(bytearray(4 << 20))
                        time.sleep(0.02)
                    os._exit(0)
                threading.Thread(target=go_on).start()
                ctypes.CDLL(None).syscall(60, 0)
            "#
        )
    };
    run(&["--memory", "64M"], &program(60)).expect("memory_limit", 137);
    run(&["--memory", "64M"], &program(4)).expect("ok", 0);
}

#[test]
fn shared_anonymous_pages_are_had_only_where_they_are_counted() {
    let program = r#"
        import mmap
        try:
            mmap.mmap(-1, 4096)
            result = "mapped"
        except PermissionError:
            result = "refused"
        mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    "#;
    let outcome = run(&[], program);
    let counted = outcome.stood("cgroup_memory");
    assert_eq!(outcome.result(), if counted { "mapped" } else { "refused" });
}

#[test]
fn memory_counts_scratch_files() {
    let program = |mebibytes: u32| {
        format!(
            r#"
                import time
                for at in range({mebibytes} // 8):
                    with open("/tmp/%d" % at, "wb") as file:
                        file.write(b"x" * (8 << 20))
                time.sleep(0.3)
            "#
        )
    };
    let flags = ["--memory", "64M", "--scratch-size", "512M"];
    run(&flags, &program(160)).expect("memory_limit", 137);
    run(&flags, &program(16)).expect("ok", 0);
}

#[test]
fn processes() {
    let program = |count: u32| {
        format!(
            r#"
                import os, time
                for _ in range({count}):
                    if os.fork() == 0:
                        time.sleep(60)
            "#
        )
    };
    let over = run(&["--processes", "8"], &program(20));
    assert_eq!(over.verdict(), "process_limit", "{over:#?}");
    let below = run(&["--processes", "8"], &program(7));
    below.expect("ok", 0);
}

#[test]
fn a_fork_bomb() {
    let program = r#"
        import os
        first = os.getpid()
        while True:
            try:
                os.fork()
            except OSError:
                if os.getpid() == first:
                    raise
    "#;
    let outcome = run(&["--processes", "16", "--timeout", "10"], program);
    assert_eq!(outcome.verdict(), "process_limit", "{outcome:#?}");
    if let Some(peak) = outcome.report["usage"]["processes_peak"].as_u64() {
        assert!(peak <= 16, "{outcome:#?}");
    }
}

#[test]
fn threads() {
    let program = |count: u32| {
        format!(
            r#"
                import threading
                over = threading.Event()
                for _ in range({count}):
                    threading.Thread(target=over.wait, daemon=True).start()
                over.set()
            "#
        )
    };
    let over = run(&["--processes", "8"], &program(20));
    assert_eq!(over.verdict(), "process_limit", "{over:#?}");
    run(&["--processes", "8"], &program(7)).expect("ok", 0);
}

#[test]
fn open_files() {
    // Standard streams and the control socket take four.
    let program = |count: u32| format!("held = [open('/dev/null') for _ in range({count})]");
    for (limit, below) in [("64", 59), ("256", 251)] {
        let over = run(&["--open-files", limit], &program(300));
        assert_eq!(over.verdict(), "open_files_limit", "{over:#?}");
        run(&["--open-files", limit], &program(below)).expect("ok", 0);
    }
}

#[test]
fn open_files_that_stay_open_when_the_program_ends() {
    let program = "held = []\nwhile True: held.append(open('/dev/null'))";
    let over = run(&["--open-files", "64"], program);
    assert_eq!(over.verdict(), "open_files_limit", "{over:#?}");
}

#[test]
fn the_lowest_limits_that_are_accepted_still_run_a_program() {
    for flags in [["--open-files", "16"], ["--processes", "1"], ["--scratch-inodes", "16"]] {
        run(&flags, "import json").expect("ok", 0);
    }
}

#[test]
fn file_size() {
    let program =
        |bytes: u32| format!("with open('/tmp/file', 'wb') as file: file.write(b'x' * {bytes})");
    let over = run(&["--file-size", "1M"], &program((1 << 20) + 1));
    over.expect("file_size_limit", 128 + libc::SIGXFSZ);
    run(&["--file-size", "1M"], &program(1 << 20)).expect("ok", 0);
}

#[test]
fn scratch_size() {
    let program = |mebibytes: u32| {
        format!(
            r#"
                places = ["/tmp", "/sandbox", "/outputs", "/dev/shm"]
                for at in range({mebibytes}):
                    with open("%s/%d" % (places[at % 4], at), "wb") as file:
                        file.write(b"x" * (1 << 20))
            "#
        )
    };
    let over = run(&["--scratch-size", "4M"], &program(6));
    assert_eq!(over.verdict(), "scratch_limit", "{over:#?}");
    let below = run(&["--scratch-size", "4M"], &program(3));
    below.expect("ok", 0);
    assert_eq!(below.usage("scratch_bytes"), 3 << 20);
}

#[test]
fn scratch_inodes() {
    let program =
        |count: u32| format!("for at in range({count}): open('/tmp/%d' % at, 'w').close()");
    let over = run(&["--scratch-inodes", "64"], &program(100));
    assert_eq!(over.verdict(), "scratch_limit", "{over:#?}");
    run(&["--scratch-inodes", "64"], &program(64)).expect("ok", 0);
}

#[test]
fn output() {
    let program = |stream: &str, bytes: u32| {
        format!(
            r#"
                import os, sys
                met = "nothing"
                try:
                    for _ in range({bytes}):
                        os.write(sys.{stream}.fileno(), b"x")
                except BrokenPipeError:
                    met = "BrokenPipeError"
                result = met
            "#
        )
    };
    for stream in ["stdout", "stderr"] {
        let over = run(&["--output", "1000"], &program(stream, 100_000));
        assert_eq!(over.verdict(), "output_limit", "{over:#?}");
        let kept = "x".repeat(1000) + "\n[output cut at 1000 bytes]\n";
        assert_eq!(over.text(stream), kept, "{over:#?}");
        assert_eq!(over.text("result"), "\"BrokenPipeError\"");
        assert!(over.usage(&format!("{stream}_cut")) > 0);
        let below = run(&["--output", "1000"], &program(stream, 1000));
        assert_eq!(below.result(), "nothing");
        assert_eq!(below.usage(&format!("{stream}_cut")), 0);
    }
}

#[test]
fn an_endless_printer_ends_by_itself() {
    let outcome = run(&["--output", "64K", "--timeout", "10"], "while True: print('x' * 1000)");
    assert_eq!(outcome.verdict(), "output_limit", "{outcome:#?}");
    assert_ne!(outcome.code, 0);
}

#[test]
fn a_program_that_lies_about_its_limit_is_not_believed() {
    for error in [
        "MemoryError()",
        "OSError(28, 'No space left on device')",
        "OSError(24, 'Too many open files')",
        "OSError(11, 'Resource temporarily unavailable')",
    ] {
        run(&[], &format!("raise {error}")).expect("exception", 1);
    }
}

#[test]
fn a_signal_that_a_program_sends_itself_proves_no_limit() {
    let program = "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)";
    run(&[], program).expect("signal", 128 + libc::SIGXCPU);
}

#[test]
fn a_limit_does_not_leak_into_the_next_run() {
    let grow = "held = []\nwhile True: held.append(b'x' * (1 << 20))";
    run(&["--memory", "64M"], grow).expect("memory_limit", 137);
    assert_eq!(
        run(&[], "data = b'x' * (200 << 20); result = len(data)").result(),
        json!(200 << 20)
    );
}
