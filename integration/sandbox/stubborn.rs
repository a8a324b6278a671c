//! Programs that try to get out of a limit, or to look like something else than they are.

use std::time::Duration;

use serde_json::json;

use super::harness::{Program, run};

/// Frames of the control socket, as the guest sends them.
const FRAMES: &str = r#"
import json, os, struct, time
def send(message):
    body = json.dumps(message).encode()
    os.write(3, struct.pack('<I', len(body)) + body)
"#;

#[test]
fn a_guest_that_reads_no_replies_still_meets_its_deadline() {
    let program = format!(
        "{FRAMES}
for number in range(900):
    send({{'t': 'call', 'id': number, 'tool': 'x' * 90, 'args': {{}}}})
time.sleep(0.3)
send({{'t': 'done', 'ok': False, 'types': ['OSError'], 'message': '', 'errno': 12}})
while True: time.sleep(1)
"
    );
    let outcome = run(&["--timeout", "2"], &program);
    outcome.expect("timeout", 124);
    assert!(outcome.elapsed < Duration::from_secs(6), "{outcome:#?}");
}

#[test]
fn a_process_hides_nothing_by_its_name() {
    let program = "
        import ctypes, os, time
        name = lambda: ctypes.CDLL(None).prctl(15, b'\\xff\\xfe', 0, 0, 0)
        name()
        for _ in range(4):
            if os.fork() == 0:
                name()
                block = bytearray(60 << 20)
                for at in range(0, len(block), 4096): block[at] = 1
                time.sleep(3)
                os._exit(0)
        time.sleep(3)
    ";
    let outcome = run(&["--memory", "128M"], program);
    assert_eq!(outcome.verdict(), "memory_limit", "{outcome:#?}");
}

#[test]
fn children_that_nobody_reaps_are_charged_all_the_same() {
    let program = "
        import os, signal, time
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        def burn(seconds):
            end = time.monotonic() + seconds
            while time.monotonic() < end: pass
        for _ in range(30):
            for _ in range(2):
                if os.fork() == 0:
                    burn(0.4)
                    os._exit(0)
            time.sleep(0.42)
    ";
    let outcome = run(&["--cpu-time", "1", "--timeout", "20"], program);
    assert_eq!(outcome.verdict(), "cpu_limit", "{outcome:#?}");
}

#[test]
fn a_program_cannot_end_its_init_and_blame_the_sandbox() {
    let program = "
        import os, resource
        tried = {}
        for name in ('RLIMIT_CPU', 'RLIMIT_NOFILE', 'RLIMIT_AS'):
            try:
                resource.prlimit(1, getattr(resource, name), (0, 0))
                tried[name] = 'done'
            except OSError as error:
                tried[name] = 'refused'
        # Its own it may lower.
        resource.prlimit(0, resource.RLIMIT_CORE, (0, 0))
        for _ in range(20000):
            try: os.execv('/usr/bin/x', ['x'])
            except OSError: pass
        result = tried
    ";
    let outcome = run(&["--cpu-time", "20"], program);
    outcome.expect("ok", 0);
    let refused =
        json!({"RLIMIT_CPU": "refused", "RLIMIT_NOFILE": "refused", "RLIMIT_AS": "refused"});
    assert_eq!(outcome.result(), refused);
    assert!(outcome.usage("exec_refusals") >= 20000);
}

#[test]
fn a_workspace_with_a_socket_in_it_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    run(&["--workspace", path], "").expect("ok", 0);
    let _listener = std::os::unix::net::UnixListener::bind(directory.path().join("door")).unwrap();
    let program = Program::new("");
    let output =
        super::harness::codemode(super::harness::run_args(&["--workspace", path], &program, &[]))
            .output()
            .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("socket door"), "{text}");
}
