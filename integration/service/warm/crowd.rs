//! Many runs that live at once: the interpreter moves to memory that they don't share, and none notices.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use serde_json::json;

use super::{held_at_once, service_with_app, warm_result};
use crate::harness::{is_root, warm_interpreter};

/// More than an interpreter of 16 MiB has before it moves.
const CROWD: usize = 280;

/// Where code begins that is no file's: the interpreter has moved it.
fn moved_code(pid: u32) -> Option<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let is_moved = |line: &&str| line.contains(" r-xp ") && line.split_whitespace().count() == 5;
    let start = maps.lines().find(is_moved)?.split('-').next()?;
    u64::from_str_radix(start, 16).ok()
}

/// How much of all code lies in large pages that have one entry each, in KiB (proc_pid_smaps(5)).
fn large_code(pid: u32) -> u64 {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let (mut code, mut sum) = (false, 0);
    for line in smaps.lines() {
        if let Some(size) = line.strip_prefix("AnonHugePages:").filter(|_| code) {
            sum += size.trim().trim_end_matches(" kB").parse::<u64>().unwrap();
        } else if let Some(access) = line.split(' ').nth(1).filter(|word| word.len() == 4) {
            code = access == "r-xp";
        }
    }
    sum
}

/// The number of the page frame there (Documentation/admin-guide/mm/pagemap.rst).
fn frame(pid: u32, address: u64) -> u64 {
    let mut entry = [0; 8];
    let pagemap = File::open(format!("/proc/{pid}/pagemap")).unwrap();
    pagemap.read_exact_at(&mut entry, address / 4096 * 8).unwrap();
    u64::from_ne_bytes(entry) & ((1 << 55) - 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_has_the_interpreter_move_and_no_run_notices() {
    let name = "a_crowd_has_the_interpreter_move_and_no_run_notices";
    if !is_root() {
        return println!("skipped: {name}: frames of memory are told to root alone");
    }
    let most = CROWD.to_string();
    let (sidecar, app) = service_with_app(&[("CODEMODE_CONCURRENT_RUNS", &most)]).await;
    let code = "import json, os; result = [json.dumps({'a': [1]}), os.getpid()]";
    let right = json!(["{\"a\": [1]}", 2]);
    assert_eq!(warm_result(&sidecar.run(code).await), right);
    let (_, launcher) = sidecar.launchers();
    let interpreter = warm_interpreter(launcher).unwrap();
    let Some(address) = moved_code(interpreter) else {
        return println!("skipped: {name}: no large pages to move to here (Linux 6.1)");
    };
    let place = || frame(interpreter, address);
    let (first, large) = (place(), large_code(interpreter));
    for _ in 0..8 {
        assert_eq!(warm_result(&sidecar.run(code).await), right);
    }
    assert_eq!(place(), first, "the control: a few runs are no crowd");
    let crowd = held_at_once(&sidecar, &app, code, CROWD).await;
    assert_ne!(place(), first, "it has not moved");
    assert_eq!(large_code(interpreter), large, "KiB of code in whole large pages");
    assert_eq!(warm_interpreter(launcher), Some(interpreter), "another took its place");
    app.tools.holding.add_permits(CROWD);
    for run in crowd {
        assert_eq!(warm_result(&run.await.unwrap()), right);
    }
    assert_eq!(warm_result(&sidecar.run(code).await), right);
}
