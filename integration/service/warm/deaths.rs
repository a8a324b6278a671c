//! The warm interpreter dies, or stands still, while runs are wanted.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use super::refusals::Modules;
use super::{service, start};
use crate::harness::processes::signal;
use crate::harness::{
    Sidecar, Traces, children, cradle, eventually, request, settle, traces, warm_interpreter,
    with_key,
};
use crate::privileges::status;

const CALLERS: u64 = 8;
/// How long another interpreter may take to be there, with its pause after a short life.
const REPLACED: Duration = Duration::from_secs(30);

/// The warm interpreter of `launcher`, another than `but`, once it is there.
async fn warm(launcher: u32, but: u32) -> u32 {
    let mut found = None;
    eventually("a warm interpreter is there", REPLACED, || {
        found = warm_interpreter(launcher).filter(|pid| *pid != but);
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// Runs until one of them starts warm.
async fn warm_again(sidecar: &Sidecar) {
    let begun = std::time::Instant::now();
    loop {
        let answer = sidecar.run("result = 1").await;
        assert_eq!(answer.result, "1", "{} {}", answer.error_type, answer.error);
        if start(&answer) == "warm" {
            return;
        }
        assert!(begun.elapsed() < REPLACED, "no run starts warm again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn nothing_left(sidecar: &Sidecar, before: &Traces) {
    settle(sidecar).await;
    eventually("traces are as before", Duration::from_secs(10), || traces(sidecar) == *before)
        .await;
}

/// Callers that each ask for one sum after the other and check it, until told to stop; how each run started.
struct Callers {
    stop: Arc<AtomicBool>,
    calls: Vec<JoinHandle<Vec<String>>>,
}

impl Callers {
    async fn begin(sidecar: &Sidecar) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = sidecar.client().await;
        let call = |caller: u64| {
            let (mut client, stop) = (client.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut starts = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let number = caller << 32 | starts.len() as u64;
                    let code = format!("import json\nprint({number})\nresult = {number} + 1");
                    let answer = client.execute(with_key(request(&code))).await;
                    let answer = answer.expect("an answer").into_inner();
                    let why = (&answer.error_type, &answer.error, &answer.stderr);
                    assert_eq!(answer.result, (number + 1).to_string(), "{why:?}");
                    assert_eq!(answer.stdout, format!("{number}\n"), "{why:?}");
                    starts.push(start(&answer).to_owned());
                }
                starts
            })
        };
        Self { calls: (0..CALLERS).map(call).collect(), stop }
    }

    async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut starts = Vec::new();
        for call in self.calls {
            starts.extend(call.await.expect("every answer is right"));
        }
        starts
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_warm_interpreter_loses_no_run_and_is_replaced() {
    let sidecar = service(&[]).await;
    warm_again(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    settle(&sidecar).await;
    let before = traces(&sidecar);
    let callers = Callers::begin(&sidecar).await;
    let mut last = 0;
    for _ in 0..2 {
        last = warm(launcher, last).await;
        // Not all of it may come between two runs.
        tokio::time::sleep(Duration::from_millis(300)).await;
        signal(last, Signal::SIGKILL);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let starts = callers.end().await;
    let kinds: BTreeSet<&str> = starts.iter().map(String::as_str).collect();
    assert_eq!(kinds, BTreeSet::from(["fresh", "warm"]), "{} runs", starts.len());
    warm_again(&sidecar).await;
    assert_eq!(sidecar.launchers().1, launcher, "the launcher lives on");
    nothing_left(&sidecar, &before).await;
}

/// A tracer that kills `pid` when it is about to say what it has forked; `None` if this host has none.
async fn killer(pid: u32) -> Option<Child> {
    let mut tracer = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "-e", "trace=sendmsg"])
        .args(["-e", "inject=sendmsg:signal=SIGKILL", "-p", &pid.to_string()])
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    loop {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        if status.contains(&format!("TracerPid:\t{}\n", tracer.id())) {
            return Some(tracer);
        }
        if tracer.try_wait().unwrap().is_some() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The launcher then has an init of which it waits for a guest, and a child that it doesn't know.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_between_its_fork_and_its_answer_loses_no_run() {
    let sidecar = service(&[]).await;
    warm_again(&sidecar).await;
    settle(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    let before = traces(&sidecar);
    let Some(mut tracer) = killer(warm(launcher, 0).await).await else {
        let name = "one_that_is_killed_between_its_fork_and_its_answer_loses_no_run";
        return println!("skipped: {name}: no strace, or it may not trace");
    };
    let answer = tokio::time::timeout(REPLACED, sidecar.run("result = 6 * 7")).await;
    let answer = answer.expect("the launcher stands still");
    assert_eq!((answer.result.as_str(), start(&answer)), ("42", "fresh"), "{}", answer.error);
    // It ends with what it traced.
    tracer.wait().unwrap();
    warm_again(&sidecar).await;
    nothing_left(&sidecar, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_interpreter_that_stands_still_is_given_up_and_replaced() {
    let sidecar = service(&[]).await;
    warm_again(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    settle(&sidecar).await;
    let before = traces(&sidecar);
    let stopped = warm(launcher, 0).await;
    signal(stopped, Signal::SIGSTOP);
    let answer = sidecar.run("result = 6 * 7").await;
    assert_eq!((answer.result.as_str(), start(&answer)), ("42", "fresh"), "{}", answer.error);
    let gone = || !Path::new(&format!("/proc/{stopped}")).exists();
    eventually("it is ended", Duration::from_secs(10), gone).await;
    warm_again(&sidecar).await;
    nothing_left(&sidecar, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_interpreter_that_stands_still_keeps_no_caller_from_an_answer() {
    let sidecar = service(&[]).await;
    warm_again(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    let callers = Callers::begin(&sidecar).await;
    let stopped = warm(launcher, 0).await;
    signal(stopped, Signal::SIGSTOP);
    warm(launcher, stopped).await;
    let starts = callers.end().await;
    assert!(starts.iter().any(|start| start == "fresh"), "{} runs", starts.len());
    warm_again(&sidecar).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_launcher_takes_its_warm_interpreter_along_and_the_next_has_its_own() {
    let sidecar = service(&[]).await;
    warm_again(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    let old = warm(launcher, 0).await;
    signal(launcher, Signal::SIGKILL);
    let gone = || !Path::new(&format!("/proc/{old}")).exists();
    eventually("it is gone", Duration::from_secs(10), gone).await;
    warm_again(&sidecar).await;
    assert_ne!(sidecar.launchers().1, launcher);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_interpreter_has_one_capability_one_thread_and_nothing_of_ours() {
    let sidecar = service(&[("CODEMODE_TEST_SECRET", "k7-canary")]).await;
    warm_again(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    let pid = warm(launcher, 0).await;
    let only = format!("{:016x}", 1 << 21);
    for set in ["CapPrm", "CapEff"] {
        assert_eq!(status(pid, set), only, "{set}");
    }
    assert_eq!((status(pid, "Threads").as_str(), status(pid, "NoNewPrivs").as_str()), ("1", "1"));
    if !crate::harness::is_root() {
        return println!("skipped: environment and descriptors of it: reading them takes root");
    }
    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(
        environment.contains("TMPDIR=/tmp") && !environment.contains("CODEMODE"),
        "{environment}"
    );
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let open = open.filter_map(|number| fs::read_link(number.path()).ok());
    // By the other one pages are pinned, where the host lets that be.
    let (rings, others): (Vec<_>, Vec<_>) =
        open.partition(|what| what.as_os_str() == "anon_inode:[io_uring]");
    assert!(rings.len() <= 1 && others.len() == 4, "{rings:?} {others:?}");
    let user = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/user")).unwrap();
    assert_eq!(user(pid), user(launcher));
    assert_ne!(user(pid), user(std::process::id()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cradle_has_few_capabilities_one_thread_and_nothing_of_ours_or_of_a_run_s() {
    let sidecar = service(&[]).await;
    warm_again(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    let mut found = None;
    eventually("a cradle is there", Duration::from_secs(10), || {
        found = cradle(launcher);
        found.is_some()
    })
    .await;
    let pid = found.unwrap();
    warm_again(&sidecar).await;
    settle(&sidecar).await;
    for set in ["CapPrm", "CapEff"] {
        let held = u64::from_str_radix(&status(pid, set), 16).unwrap();
        assert_eq!(held, 1 << 21, "{set}: CAP_SYS_ADMIN and no other");
    }
    assert_eq!((status(pid, "Threads").as_str(), status(pid, "NoNewPrivs").as_str()), ("1", "1"));
    if !crate::harness::is_root() {
        return println!("skipped: environment and descriptors of it: reading them takes root");
    }
    assert_eq!(fs::read(format!("/proc/{pid}/environ")).unwrap(), b"");
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open: Vec<_> = fds.map(|fd| fs::read_link(fd.unwrap().path()).unwrap()).collect();
    let is =
        |start: &str| open.iter().filter(|file| file.to_string_lossy().starts_with(start)).count();
    assert_eq!(
        (open.len(), is("socket:"), is("net:")),
        (2, 1, 1),
        "orders, the way back: {open:?}"
    );
    for kind in ["user", "net"] {
        let own = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
        // After runs, too.
        assert_eq!(own(pid), own(launcher));
        assert_ne!(own(pid), own(std::process::id()));
    }
}

/// Whatever its modules print, nobody reads it while the launcher serves.
#[tokio::test(flavor = "multi_thread")]
async fn one_whose_modules_print_much_is_replaced_like_any_other() {
    let name = "one_whose_modules_print_much_is_replaced_like_any_other";
    let text = "for _ in range(2000):\n    print('x' * 999)\n";
    let Some(modules) = Modules::new(name, &[("talks", text)]) else { return };
    let python = modules.python();
    let python = ("CODEMODE_PYTHON", python.to_str().unwrap());
    let sidecar = service(&[python, ("CODEMODE_PRELOAD", "talks")]).await;
    warm_again(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    let first = warm(launcher, 0).await;
    signal(first, Signal::SIGKILL);
    warm(launcher, first).await;
    warm_again(&sidecar).await;
}

/// Whatever holds them up: here a module's hook, which every fork calls.
#[tokio::test(flavor = "multi_thread")]
async fn what_rehearses_a_run_ends_with_the_launcher() {
    let name = "what_rehearses_a_run_ends_with_the_launcher";
    let text = "import os, time\nslowly = os.path.join(os.path.dirname(__file__), 'slowly')\n\
                def wait():\n    while os.path.exists(slowly):\n        time.sleep(0.01)\n\
                os.register_at_fork(after_in_child=wait)\n";
    let Some(modules) = Modules::new(name, &[("dawdles", text)]) else { return };
    let python = modules.python();
    let slowly = modules.site().join("slowly");
    let python = ("CODEMODE_PYTHON", python.to_str().unwrap());
    let sidecar = service(&[python, ("CODEMODE_PRELOAD", "dawdles")]).await;
    let (_, launcher) = sidecar.launchers();
    let first = warm(launcher, 0).await;
    fs::write(&slowly, "").unwrap();
    signal(first, Signal::SIGKILL);
    let second = warm(launcher, first).await;
    let mut rehearsing = Vec::new();
    eventually("one rehearses, another stands by", REPLACED, || {
        rehearsing = children(second);
        rehearsing.len() == 2
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(children(second), rehearsing, "they wait");
    signal(launcher, Signal::SIGKILL);
    eventually("both are gone", Duration::from_secs(5), || {
        // One that nobody has reaped yet has no memory any more.
        let memory = |pid: &u32| fs::read(format!("/proc/{pid}/statm")).unwrap_or_default();
        rehearsing.iter().map(memory).all(|pages| pages.is_empty() || pages.starts_with(b"0 "))
    })
    .await;
    fs::remove_file(&slowly).unwrap();
    warm_again(&sidecar).await;
}
