//! Hostile use of the control socket, descriptor 3: always a clear verdict, always in time.

use std::time::Duration;

use super::harness::{Outcome, dedent, run};

const SPEAK: &str = r#"
    import json, os, socket
    def frame(**message):
        body = json.dumps(message).encode()
        return len(body).to_bytes(4, "little") + body
    def write(data):
        while data:
            data = data[os.write(3, data):]
    CALL = dict(t="call", id=1, tool="no_such_tool", args={})
"#;

/// Runs `text` with a deadline of 8 s that no case may need by more than the start takes.
fn speak(text: &str) -> Outcome {
    let outcome = run(&["--timeout", "8"], &(dedent(SPEAK) + &dedent(text)));
    assert!(outcome.elapsed < Duration::from_secs(16), "{outcome:#?}");
    outcome
}

#[test]
fn rubbish_is_a_violation() {
    for rubbish in [
        r#"b"\xff" * 64"#,
        r#"b"\x04\x00\x00\x00abcd""#,
        r#"b"\x00\x00\x00\x00""#,
        r#"b"\x02\x00\x00\x00{}""#,
        r#"frame(t="unknown")"#,
        r#"frame(t="call")"#,
        r#"frame(t="done")"#,
        r#"frame(t="call", id=-1, tool="x", args={})"#,
        r#"frame(t="call", id=1, tool=7, args={})"#,
        r#"frame(t="done", ok="yes")"#,
        r#"frame(t=["call"])"#,
        r#"b"\x10\x00\x00\x00" + b"[" * 16"#,
        r#"b"\x20\xa1\x07\x00" + b"[" * 500000"#,
    ] {
        let outcome = speak(&format!("write({rubbish})\nimport time\ntime.sleep(60)"));
        assert_eq!(outcome.verdict(), "protocol_violation", "{rubbish}: {outcome:#?}");
        assert!(outcome.elapsed < Duration::from_secs(6), "{rubbish}: {outcome:#?}");
        assert_ne!(outcome.code, 0);
    }
}

#[test]
fn an_oversized_length_is_refused_before_it_arrives() {
    let outcome = speak(r#"write((1 << 31).to_bytes(4, "little")); import time; time.sleep(60)"#);
    assert_eq!(outcome.verdict(), "protocol_violation", "{outcome:#?}");
    assert!(outcome.text("evidence").contains("2147483648"), "{outcome:#?}");
}

#[test]
fn closing_the_socket_is_the_program_s_own_loss() {
    let outcome = speak("os.close(3)\nresult = 1");
    outcome.expect("exit_code", 1);
    assert!(outcome.text("stderr").contains("control socket"), "{outcome:#?}");
    assert_eq!(outcome.report["result"], serde_json::Value::Null);
}

#[test]
fn half_a_frame_and_then_the_end() {
    speak(r#"write(b"\x10\x00\x00\x00abc"); os._exit(0)"#).expect("ok", 0);
    speak(r#"write(b"\x10\x00"); os._exit(3)"#).expect("exit_code", 3);
    // Followed by the honest end it becomes rubbish.
    let outcome = speak(r#"write(b"\x10\x00\x00\x00abc")"#);
    assert_eq!(outcome.verdict(), "protocol_violation", "{outcome:#?}");
}

#[test]
fn half_a_frame_and_then_silence() {
    speak(r#"write(b"\x10\x00\x00\x00abc"); import time; time.sleep(60)"#).expect("timeout", 124);
}

#[test]
fn calls_to_tools_not_on_the_list_are_answered_with_an_error() {
    let outcome = speak(
        r#"
            write(frame(**CALL))
            length = int.from_bytes(os.read(3, 4), "little")
            result = json.loads(os.read(3, length))
        "#,
    );
    let answer = outcome.result();
    assert_eq!((&answer["ok"], &answer["id"]), (&false.into(), &1.into()));
    assert!(answer["error"].as_str().unwrap().contains("no_such_tool"), "{answer}");
}

#[test]
fn a_hundred_thousand_calls_with_their_answers_read() {
    let outcome = speak(
        r#"
            import threading
            COUNT = 100000
            read = 0
            def drain():
                global read
                rest = b""
                while read < COUNT:
                    rest += os.read(3, 1 << 20)
                    at = 0
                    while len(rest) - at >= 4:
                        end = at + 4 + int.from_bytes(rest[at:at + 4], "little")
                        if end > len(rest):
                            break
                        read, at = read + 1, end
                    rest = rest[at:]
            reader = threading.Thread(target=drain)
            reader.start()
            one = frame(**CALL)
            for _ in range(COUNT // 1000):
                write(one * 1000)
            reader.join()
            result = read
        "#,
    );
    // A slow machine may run out of time; nothing else may happen.
    if outcome.verdict() != "timeout" {
        assert_eq!(outcome.result(), 100_000);
        assert_eq!(outcome.usage("tool_calls"), 100_000);
    }
}

#[test]
fn a_flood_of_calls_whose_answers_nobody_reads() {
    let outcome = speak("while True:\n    write(frame(**CALL) * 1000)");
    outcome.expect("timeout", 124);
}

#[test]
fn a_flood_and_then_the_end() {
    let outcome = speak(
        r#"
            os.set_blocking(3, False)
            try:
                while True:
                    os.write(3, frame(**CALL))
            except BlockingIOError:
                os._exit(0)
        "#,
    );
    outcome.expect("ok", 0);
}

#[test]
fn descriptors_sent_along_are_not_taken() {
    let outcome = speak(
        r#"
            control = socket.socket(fileno=os.dup(3))
            for _ in range(50):
                files = [os.open("/dev/null", os.O_RDONLY) for _ in range(50)]
                socket.send_fds(control, [frame(**CALL)], files)
                for file in files:
                    os.close(file)
                length = int.from_bytes(os.read(3, 4), "little")
                os.read(3, length)
            result = "done"
        "#,
    );
    assert_eq!(outcome.result(), "done");
}

#[test]
fn children_that_speak_for_the_program() {
    let outcome = speak(
        r#"
            if os.fork() == 0:
                write(frame(t="done", ok=True, result='"child"'))
                os._exit(0)
            os.wait()
            result = "parent"
        "#,
    );
    // Whoever holds the socket may speak; what matters is that it is one clear end.
    assert_eq!(outcome.result(), "child");
}

#[test]
fn an_end_with_too_much_in_it() {
    let outcome = speak(r#"write(frame(t="done", ok=True, result="x" * (64 << 20))); os._exit(0)"#);
    assert_eq!(outcome.verdict(), "protocol_violation", "{}", outcome.text("evidence"));
    let outcome = speak(
        r#"write(frame(t="done", ok=False, types=["x" * 100] * 5000, message="y" * 500000)); os._exit(1)"#,
    );
    outcome.expect("exception", 1);
    let size = outcome.report.to_string().len();
    assert!(size < 100_000, "names and message of an exception grow the report to {size} bytes");
}

#[test]
fn a_result_beyond_the_limit_is_a_violation_and_one_within_is_told() {
    let tell = |length: usize| {
        speak(&format!(
            r#"write(frame(t="done", ok=True, result=json.dumps("x" * {length}))); os._exit(0)"#
        ))
    };
    let most = codemode::policy::Limits::default().result as usize;
    let outcome = tell(most - 2);
    outcome.expect("ok", 0);
    assert_eq!(outcome.text("result").len(), most);
    let outcome = tell(most - 1);
    assert_eq!(outcome.verdict(), "protocol_violation", "{}", outcome.text("evidence"));
    assert_eq!(outcome.report["result"], serde_json::Value::Null);
}

#[test]
fn a_result_that_is_no_json() {
    let outcome = speak(r#"write(frame(t="done", ok=True, result="not json {")); os._exit(0)"#);
    assert_ne!(outcome.report["result"], "not json {", "{outcome:#?}");
}
