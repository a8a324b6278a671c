//! Arguments: what is a mistake, and what reaches the program.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;

use super::harness::{Program, codemode, is_root, outcome, run, run_with, skip};

/// Runs `codemode` with these arguments and insists on exit code 2 and a message with `names`.
#[track_caller]
fn mistake(args: &[&str], names: &str) {
    let output = codemode(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    assert!(text.contains(names), "{args:?}: {names} is not in: {text}");
    assert!(output.stdout.is_empty());
}

#[test]
fn mistakes_are_named_and_exit_with_2() {
    let directory = tempfile::tempdir().unwrap();
    let (here, program) = (directory.path().to_str().unwrap(), directory.path().join("p.py"));
    fs::write(&program, "").unwrap();
    let program = program.to_str().unwrap();
    let missing = format!("{here}/missing");
    mistake(&["run", &missing], &missing);
    mistake(&["run", here], here);
    mistake(&["run"], "FILE");
    mistake(&["run", "--no-such-flag", program], "--no-such-flag");
    mistake(&["no-such-command"], "no-such-command");
    mistake(&["run", "--memory", "lots", program], "lots");
    mistake(&["run", "--memory", "-1", program], "-1");
    mistake(&["run", "--timeout", "0", program], "--timeout");
    mistake(&["run", "--timeout", "soon", program], "soon");
    mistake(&["run", "--processes", "0", program], "--processes");
    mistake(&["run", "--open-files", "3", program], "--open-files");
    mistake(&["run", "--require", "nonsense", program], "nonsense");
    mistake(&["run", "--network", "some", program], "some");
    mistake(&["run", "--allow-domain", "example.com", program], "--network restricted");
    mistake(
        &["run", "--network", "restricted", "--allow-domain", "not a domain", program],
        "not a domain",
    );
    mistake(&["run", "--allow-command", "/bin/cat", program], "/bin/cat");
    mistake(&["run", "--allow-command", "no-such-command", program], "no-such-command");
    mistake(&["run", "--workspace", &missing, program], &missing);
    mistake(&["run", "--workspace", "/", program], "workspace");
    mistake(&["run", "--outputs", &missing, program], &missing);
    mistake(&["run", "--outputs", program, program], program);
    mistake(&["run", "--stdin", &missing, program], &missing);
    mistake(&["run", "--python", &missing, program], &missing);
    mistake(&["run", "--python", "/bin/false", program], "/bin/false");
}

#[test]
fn a_program_that_is_not_text_is_a_mistake() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("binary.py");
    fs::write(&path, b"\xff\xfe\x00").unwrap();
    mistake(&["run", path.to_str().unwrap()], "UTF-8");
}

#[test]
fn a_wall_that_can_t_stand_refuses_the_run() {
    let flags = ["--require", "distinct_uid"];
    if is_root() {
        run(&flags, "").expect("ok", 0);
        return skip("a_wall_that_can_t_stand_refuses_the_run", "needs an ordinary user");
    }
    let outcome = run(&flags, "print('ran')");
    assert_eq!(outcome.code, 125, "{outcome:#?}");
    assert!(
        outcome.stderr.contains("distinct_uid") && outcome.stderr.contains("as root"),
        "{outcome:#?}"
    );
    run(&["--require", "seccomp"], "").expect("ok", 0);
}

#[test]
fn a_wall_that_the_mode_gives_up_can_t_be_required() {
    let flags = ["--network", "all", "--require", "network_namespace"];
    let outcome = run(&flags, "print('ran')");
    assert_ne!(outcome.code, 0, "{outcome:#?}");
    assert!(outcome.stderr.contains("network_namespace"), "{outcome:#?}");
    run(&["--network", "none", "--require", "network_namespace"], "").expect("ok", 0);
}

#[test]
fn a_dash_reads_the_program_from_standard_input() {
    let mut command = codemode(["run", "--json", "-", "one", "two"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let text = b"import sys; result = [sys.argv, sys.stdin.read()]";
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let outcome = super::harness::Outcome::new(output, std::time::Duration::ZERO);
    assert_eq!(outcome.result(), json!([["<stdin>", "one", "two"], ""]));
}

#[test]
fn arguments_are_the_program_s_even_if_they_look_like_ours() {
    let own = ["--timeout", "1", "-x", "", "a b", "é"];
    let seen = run_with(&[], "import sys; result = sys.argv", &own).result();
    let mut expected = vec!["program.py"];
    expected.extend(own);
    assert_eq!(seen, json!(expected));
}

#[test]
fn standard_input_is_empty_unless_given() {
    let text = "import sys; result = sys.stdin.read()";
    assert_eq!(run(&[], text).result(), "");
    let input = Program::new("line one\nline two\n");
    let path = input.path();
    assert_eq!(run(&["--stdin", path.to_str().unwrap()], text).result(), "line one\nline two\n");
}

#[test]
fn the_file_given_as_standard_input_can_t_be_changed() {
    let input = Program::new("before\n");
    let path = input.path();
    let text = r#"
        import os
        result = []
        for attempt in (
            lambda: os.write(0, b"after"),
            lambda: os.ftruncate(0, 0),
            lambda: open("/proc/self/fd/0", "w").write("after"),
            lambda: os.fchmod(0, 0o777),
            lambda: os.utime(0, (0, 0)),
            lambda: os.setxattr(0, "user.canary", b"x"),
        ):
            try:
                attempt()
                result.append("done")
            except OSError as error:
                result.append(type(error).__name__)
    "#;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let state = || {
        let meta = fs::metadata(&path).unwrap();
        (meta.permissions(), meta.modified().unwrap())
    };
    let before = state();
    run(&["--stdin", path.to_str().unwrap()], text).result();
    assert_eq!(fs::read_to_string(&path).unwrap(), "before\n");
    assert_eq!(state(), before);
}

#[test]
fn help_and_version_succeed() {
    for args in [&["--help"][..], &["--version"], &["run", "--help"], &["doctor", "--help"]] {
        let output = codemode(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn the_directory_it_is_started_in_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("os.py"), "raise SystemExit('hijacked')").unwrap();
    fs::write(directory.path().join("p.py"), "import os; result = os.getcwd()").unwrap();
    let mut command = codemode(["run", "--json", "p.py"]);
    command.current_dir(directory.path());
    assert_eq!(outcome(command).result(), "/sandbox");
}
