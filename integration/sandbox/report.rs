//! What a report says, and that a program can't make it say something else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::harness::{START, codemode, outcome, run};

#[test]
fn every_field_is_there_and_sane() {
    let outcome = run(
        &[],
        r#"
            import os, sys
            print("out")
            print("err", file=sys.stderr)
            open("/tmp/file", "wb").write(b"x" * 8192)
            while os.times().user < 0.2: pass
            result = 1
        "#,
    );
    outcome.expect("ok", 0);
    let usage = &outcome.report["usage"];
    let number = |field: &str| usage[field].as_f64().unwrap_or_else(|| panic!("{field}: {usage}"));
    assert_eq!((outcome.text("stdout"), outcome.text("stderr")), ("out\n", "err\n"));
    assert_eq!((number("stdout_bytes"), number("stderr_bytes")), (4.0, 4.0));
    assert_eq!((number("scratch_bytes"), number("bytes_written")), (8192.0, 8200.0));
    for none in ["stdout_cut", "stderr_cut", "tool_calls", "exec_refusals"] {
        assert_eq!(number(none), 0.0, "{none}");
    }
    assert!((200.0..5000.0).contains(&number("cpu_ms")), "{usage}");
    assert!(number("wall_ms") >= 200.0 && number("start_ms") > 0.0, "{usage}");
    assert!(number("wall_ms") < outcome.elapsed.as_secs_f64() * 1e3);
    assert!(((4 << 20) as f64..(512 << 20) as f64).contains(&number("max_rss")), "{usage}");
    for (wall, field) in [("cgroup_memory", "memory_peak"), ("cgroup_pids", "processes_peak")] {
        if outcome.stood(wall) {
            assert!(number(field) >= 1.0, "{field}: {usage}");
        }
    }
    assert_eq!(outcome.report["exit_code"], 0);
    assert_eq!(outcome.report["signal"], Value::Null);
    assert_eq!(outcome.report["start"], START);
}

#[test]
fn every_wall_that_doctor_knows_is_listed() {
    let names = |report: &Value| -> BTreeSet<String> {
        let walls = report["walls"].as_array().unwrap();
        walls.iter().map(|wall| wall["wall"].as_str().unwrap().to_owned()).collect()
    };
    let doctor = outcome(codemode(["doctor", "--json"]));
    let run = run(&[], "");
    assert_eq!(names(&run.report), names(&doctor.report));
    assert!(names(&run.report).len() >= 24);
}

#[test]
fn results_are_json() {
    for (python, expected) in [
        (
            "{'a': [1, 2.5, None, True], 'b': {'c': 'é\\n\"'}}",
            json!({"a": [1, 2.5, null, true], "b": {"c": "é\n\""}}),
        ),
        ("'text'", json!("text")),
        ("None", Value::Null),
        ("[]", json!([])),
        ("{1, }", json!("{1}")),
        ("b'bytes'", json!("b'bytes'")),
        ("(1, 2)", json!([1, 2])),
    ] {
        assert_eq!(run(&[], &format!("result = {python}")).result(), expected, "{python}");
    }
    assert_eq!(run(&[], "x = 1").report["result"], Value::Null);
}

#[test]
fn a_result_beyond_its_limit_is_an_error_of_the_program() {
    let over = run(&["--memory", "512M"], "result = 'x' * (100 << 20)");
    over.expect("exception", 1);
    assert!(over.text("message").contains("limit"), "{over:#?}");
}

#[test]
fn exceptions_are_named_with_their_bases() {
    let outcome = run(
        &[],
        r#"
            class Special(KeyError):
                pass
            raise Special("the reason")
        "#,
    );
    outcome.expect("exception", 1);
    let bases =
        json!(["Special", "KeyError", "LookupError", "Exception", "BaseException", "object"]);
    assert_eq!(outcome.report["exception"], bases);
    assert_eq!(outcome.text("message"), "'the reason'");
    let trace = outcome.text("stderr");
    assert!(
        trace.contains("program.py\", line 4") && trace.contains("Special: 'the reason'"),
        "{trace}"
    );
    assert!(!trace.contains("codemode"), "no frame of ours: {trace}");
}

#[test]
fn what_an_exception_says_arrives_as_it_was() {
    let text = "\"quoted\" \\back\n\t\u{7f} \u{e9} \u{1f40d} end";
    let program = format!("raise ValueError({})", serde_json::to_string(text).unwrap());
    let outcome = run(&[], &program);
    outcome.expect("exception", 1);
    assert_eq!(outcome.text("message"), text);
}

#[test]
fn a_syntax_error_is_an_exception() {
    let outcome = run(&[], "def");
    outcome.expect("exception", 1);
    assert_eq!(outcome.report["exception"][0], "SyntaxError");
}

#[test]
fn exit_codes_are_the_program_s() {
    run(&[], "import sys; sys.exit(0)").expect("ok", 0);
    run(&[], "import sys; sys.exit(3)").expect("exit_code", 3);
    run(&[], "import os; os._exit(4)").expect("exit_code", 4);
    let text = run(&[], "raise SystemExit('the reason')");
    text.expect("exit_code", 1);
    assert_eq!(text.text("stderr"), "the reason\n");
    let crash = run(&[], "import ctypes; ctypes.string_at(0)");
    crash.expect("signal", 128 + libc::SIGSEGV);
    assert_eq!((&crash.report["signal"], &crash.report["exit_code"]), (&json!(11), &Value::Null));
}

#[test]
fn a_forged_report_on_standard_output_is_only_output() {
    let forged = r#"{"verdict": "timeout", "result": "\"forged\""}"#;
    let outcome = run(&[], &format!("print('''{forged}''')\nresult = 'true'"));
    assert_eq!(outcome.result(), "true");
    assert_eq!(outcome.text("stdout"), forged.replace('\\', "") + "\n");
}

#[test]
fn of_two_ends_the_first_counts() {
    let outcome = run(
        &[],
        r#"
            import json, os
            def say(**message):
                body = json.dumps(message).encode()
                os.write(3, len(body).to_bytes(4, "little") + body)
            say(t="done", ok=True, result='"first"')
            say(t="done", ok=False, types=["Forged"], message="second")
            result = "third"
        "#,
    );
    assert_eq!(outcome.result(), "first");
}

#[test]
fn a_forged_end_can_t_hide_how_the_process_ended() {
    let outcome = run(
        &[],
        r#"
            import json, os
            body = json.dumps({"t": "done", "ok": True, "result": "1"}).encode()
            os.write(3, len(body).to_bytes(4, "little") + body)
            os._exit(5)
        "#,
    );
    outcome.expect("exit_code", 5);
    let outcome = run(
        &["--timeout", "0.5"],
        r#"
            import json, os, time
            body = json.dumps({"t": "done", "ok": True, "result": "1"}).encode()
            os.write(3, len(body).to_bytes(4, "little") + body)
            time.sleep(60)
        "#,
    );
    outcome.expect("timeout", 124);
}

#[test]
fn without_json_output_passes_through_and_limits_are_explained() {
    let program =
        super::harness::Program::new("import sys; print('out'); print('err', file=sys.stderr)");
    let output =
        codemode([&std::ffi::OsString::from("run"), &program.path().into()]).output().unwrap();
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (&b"out\n"[..], &b"err\n"[..])
    );
    let program = super::harness::Program::new("import time; time.sleep(60)");
    let mut command = codemode(["run", "--timeout", "0.5"]);
    let output = command.arg(program.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(124));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("codemode: timeout: wall clock"), "{text}");
}
