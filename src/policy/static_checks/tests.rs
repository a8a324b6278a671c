use std::time::{Duration, Instant};

use super::*;

fn reason(code: &str) -> Option<String> {
    check(code, false, &[]).err().map(|violation| violation.to_string())
}

fn direct(code: &str, commands: &[&str]) -> Option<String> {
    let commands: Vec<String> = commands.iter().map(|name| (*name).to_owned()).collect();
    check(code, true, &commands).err().map(|violation| violation.to_string())
}

#[test]
fn lists_are_sorted_and_without_repeats() {
    assert!(PATTERNS.is_sorted_by(|a, b| a < b));
    assert!(IMPORTS.is_sorted_by(|a, b| a < b));
}

#[test]
fn harmless_programs_pass() {
    for code in [
        "",
        "result = 2 + 2",
        "import asyncio, json\nfrom math import *",
        "from os import path, system as run",
        "while x is True: pass",
        "important = 'socket'",
        "s = '''short''' + \"x\"",
    ] {
        assert_eq!(reason(code), None, "{code}");
    }
}

#[test]
fn patterns_are_reported_together_in_order() {
    let want = "Blocked pattern(s) detected: eval(, input(, raw_input(";
    assert_eq!(reason("raw_input(eval('1'))").as_deref(), Some(want));
    assert_eq!(reason("profile(1)").as_deref(), Some("Blocked pattern(s) detected: file("));
}

#[test]
fn imports_in_both_spellings() {
    for (code, names) in [
        ("import subprocess", "subprocess"),
        ("import  urllib.request as r", "urllib.request"),
        ("from urllib.parse import quote", "urllib, urllib.parse, urllib.parse.quote"),
        ("from os import path, system", "os, os.system"),
        ("from http import client", "http, http.client"),
        ("from asyncio import subprocess", "subprocess, asyncio, asyncio.subprocess"),
        ("from socket import  (\n", "socket"),
        ("from socket import *", "socket"),
    ] {
        let want = format!("Blocked import(s) detected: {names}");
        let got = reason(code);
        assert_eq!(got.as_deref(), Some(want.as_str()), "{code}");
    }
    assert_eq!(reason("import subprocess32"), None);
}

#[test]
fn suspicious_shapes() {
    let found =
        |code: &str| reason(code).map(|r| r.replace("Suspicious pattern(s) detected: ", ""));
    assert_eq!(found("while  True :\n pass").as_deref(), Some("infinite_loop"));
    assert_eq!(found(&"def f(): 0\n".repeat(11)).as_deref(), Some("excessive_functions"));
    assert_eq!(found(&"def f(): 0\n".repeat(10)), None);
    assert_eq!(found("'\\x41'").as_deref(), Some("unicode_encoding"));
    assert_eq!(found(&format!("'{}'", "é".repeat(1000))).as_deref(), Some("long_embedded_string"));
    assert_eq!(found(&format!("'{}'", "é".repeat(999))), None);
    assert_eq!(found(&format!("'{}", "x".repeat(2000))), None);
}

#[test]
fn direct_execution_opens_files_and_commands() {
    let code = "import subprocess\nopen('/workspace/a')\nsubprocess.run(['grep', 'x'])";
    assert_eq!(direct(code, &[]), None);
    assert_eq!(direct(code, &["grep"]), None);
    let want = "Unauthorized command(s) detected: unauthorized_command:grep";
    assert_eq!(direct(code, &["cat"]).as_deref(), Some(want));
    let want =
        "Unauthorized command(s) detected: unauthorized_command:rm, unauthorized_command:curl";
    let code = "subprocess.Popen(\"curl x\")\nsubprocess.run( [ 'rm', '-rf'])";
    assert_eq!(direct(code, &["cat"]).as_deref(), Some(want));
    assert!(direct("import asyncio.subprocess", &[]).is_some());
}

#[test]
fn hostile_programs_take_linear_time() {
    const LENGTH: usize = 200_000;
    let start = Instant::now();
    let names = "x,".repeat(LENGTH / 4);
    let long = reason(&format!("from os.system{} import {names}", ".a".repeat(LENGTH / 4)));
    assert!(long.is_some_and(|reason| reason.len() < LENGTH));
    assert!(
        reason(&format!("from os.system import {names}"))
            .is_some_and(|reason| reason.len() < LENGTH)
    );
    for piece in [
        "from ",
        "import ",
        "from a import ",
        "while ",
        "subprocess.run('",
        "subprocess.run([",
        "'",
        " ",
    ] {
        let _ = direct(&piece.repeat(LENGTH / piece.len()), &["ls"]);
        let _ = reason(&format!("from {}", piece.repeat(LENGTH / piece.len())));
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}
