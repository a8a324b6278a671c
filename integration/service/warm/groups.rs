//! Control groups that are handed from one run to the next: never two runs in one, and none in which something was
//! counted that can't be taken back.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use codemode::grpc::proto::ExecutionResponse;

use super::service;
use crate::harness::{Sidecar, inside, request, settle, with_key};

/// Starts `count` runs of `code`, and gives the groups that they were seen in, all that were so at once,
/// and their answers. A run that calls tools has a thread for it, and its groups are not handed on.
async fn groups_of(
    sidecar: &Sidecar,
    code: &str,
    count: usize,
) -> (BTreeSet<PathBuf>, Vec<ExecutionResponse>) {
    let call = request(&format!("{code}\nimport time\ntime.sleep(0.5)"));
    let (_, launcher) = sidecar.launchers();
    let watched = tokio::spawn(watch(launcher, count));
    let calls = sidecar.begin_all(&call, count).await;
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    settle(sidecar).await;
    (watched.await.unwrap(), answers)
}

/// The groups of the runs below `launcher`, as soon as so many are seen at once.
async fn watch(launcher: u32, count: usize) -> BTreeSet<PathBuf> {
    for _ in 0..3_000 {
        let now: BTreeSet<_> = inside(launcher).into_iter().filter_map(group).collect();
        if now.len() >= count {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    BTreeSet::new()
}

/// The group of `pid`'s run, which has one name in every hierarchy. A process enters them one after the other.
fn group(pid: u32) -> Option<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let ours = |group: &&str| group.contains("/codemode-") && group.contains("/run-");
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).find(ours).map(PathBuf::from)
}

/// Nothing is made ahead: which groups a run gets is then the last run's doing alone.
async fn bare() -> Sidecar {
    service(&[("CODEMODE_READY_LEAST", "0"), ("CODEMODE_READY_MOST", "0")]).await
}

/// Whether the kernel can count a group's peak of memory anew.
fn counts_anew() -> bool {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    own.contains(":memory:") || version >= (6, 12)
}

/// Whether control groups count memory and processes here, without which none is handed on.
async fn counted(test: &str, sidecar: &Sidecar) -> bool {
    let (_, answers) = groups_of(sidecar, "", 1).await;
    let report = answers[0].report.as_ref().unwrap();
    let missing = ["cgroup_memory", "cgroup_pids"].into_iter().find(|wall| {
        report.walls.iter().any(|standing| standing.name == *wall && !standing.standing)
    });
    if let Some(wall) = missing {
        println!("skipped: {test}: {wall} does not stand here");
        return false;
    }
    if !counts_anew() {
        println!("skipped: {test}: memory.peak can't be reset here (Linux 6.12)");
        return false;
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_after_the_other_may_have_them_but_never_two_at_a_time() {
    let sidecar = bare().await;
    let test = "one_run_after_the_other_may_have_them_but_never_two_at_a_time";
    if !counted(test, &sidecar).await {
        return;
    }
    let mut one_by_one = BTreeSet::new();
    for _ in 0..4 {
        one_by_one.extend(groups_of(&sidecar, "", 1).await.0);
    }
    assert!(one_by_one.len() < 4, "none was handed on: {one_by_one:?}");
    let (at_once, _) = groups_of(&sidecar, "", 6).await;
    assert_eq!(at_once.len(), 6, "two that lived at once were in one: {at_once:?}");
}

/// What each of these makes a group count can't be taken back.
const COUNTED: [(&str, &str); 3] = [
    (
        "a peak of processes",
        "import threading\n\
         end = threading.Event()\n\
         threads = [threading.Thread(target=end.wait) for _ in range(3)]\n\
         [thread.start() for thread in threads]\n\
         end.set()\n\
         [thread.join() for thread in threads]",
    ),
    (
        "processes that were refused",
        "import os\n\
         try:\n\
         \x20   while os.fork():\n\
         \x20       pass\n\
         \x20   os._exit(0)\n\
         except OSError:\n\
         \x20   pass",
    ),
    (
        "a kill for memory",
        "import os\n\
         if os.fork() == 0:\n\
         \x20   held = bytearray(1 << 31)\n\
         \x20   held[::4096] = b'x' * len(held[::4096])\n\
         \x20   os._exit(0)\n\
         os.wait()",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn those_in_which_something_was_counted_for_good_are_not_handed_on() {
    let sidecar = bare().await;
    let test = "those_in_which_something_was_counted_for_good_are_not_handed_on";
    if !counted(test, &sidecar).await {
        return;
    }
    for (what, code) in COUNTED {
        let code = request(code);
        let watched = tokio::spawn(watch(sidecar.launchers().1, 1));
        let mut client = sidecar.client().await;
        let _ = client.execute(with_key(code)).await.unwrap();
        let marked = watched.await.unwrap();
        assert!(!marked.is_empty(), "{what}: the control: its group was seen");
        settle(&sidecar).await;
        for _ in 0..3 {
            let (next, answers) = groups_of(&sidecar, "", 1).await;
            assert!(next.is_disjoint(&marked), "{what}: handed on: {next:?}");
            let usage = answers[0].report.as_ref().unwrap().usage.as_ref().unwrap();
            assert!(usage.processes_peak.unwrap() <= 2, "{what}: {usage:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_run_used_is_not_charged_to_the_next() {
    let sidecar = bare().await;
    let test = "what_one_run_used_is_not_charged_to_the_next";
    if !counted(test, &sidecar).await {
        return;
    }
    let wasteful = "import time\n\
                    held = bytearray(100 << 20)\n\
                    del held\n\
                    until = time.process_time() + 1\n\
                    while time.process_time() < until:\n\
                    \x20   pass";
    let usage = |answer: &ExecutionResponse| answer.report.as_ref().unwrap().usage.unwrap();
    let mut handed_on = false;
    for _ in 0..4 {
        let (groups, answers) = groups_of(&sidecar, wasteful, 1).await;
        let used = usage(&answers[0]);
        assert!(
            used.memory_peak.unwrap() > 100 << 20 && used.cpu_ms > 900.0,
            "the control: {used:?}"
        );
        let (next, answers) = groups_of(&sidecar, "", 1).await;
        let used = usage(&answers[0]);
        assert!(used.memory_peak.unwrap() < 40 << 20 && used.cpu_ms < 500.0, "{next:?}: {used:?}");
        handed_on |= next == groups;
    }
    assert!(handed_on, "the control: none was handed on");
}
