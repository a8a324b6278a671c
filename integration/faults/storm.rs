//! The launcher is killed again and again while many call: between any two steps of a run, sooner or later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::application::TestTools;
use crate::harness::children;
use crate::leaks::{AtRest, Remains};
use crate::promise::{Call, Stage, back_within_a_second, once_and_its_own};

const CALLERS: usize = 8;
/// At least, and at most until some runs were lost and some were not.
const KILLS: (usize, usize) = (8, 40);
/// A launcher that lives no longer than 200 ms is replaced after a pause; this is not in step with it.
const PAUSE: Duration = Duration::from_millis(370);

/// Runs that were answered with their result, and with a fault of ours.
#[derive(Default)]
struct Counts {
    ran: AtomicUsize,
    lost: AtomicUsize,
    over: AtomicBool,
}

/// Calls one run after the other.
async fn caller(port: u16, tools: Arc<TestTools>, counts: Arc<Counts>) {
    while !counts.over.load(Ordering::Relaxed) {
        let (name, outcome) = Call::begin(port, "").outcome().await;
        once_and_its_own(&tools, &name, &outcome);
        let answer = outcome.expect("an answer, and not a status");
        if answer.success {
            counts.ran.fetch_add(1, Ordering::Relaxed);
        } else {
            assert_eq!(answer.error_type, "SandboxFault", "{}", answer.error);
            counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn storm(stage: &Stage, what: &str) {
    let counts = Arc::new(Counts::default());
    let begin = |_| {
        let (tools, counts) = (Arc::clone(&stage.tools), Arc::clone(&counts));
        tokio::spawn(caller(stage.sidecar.port, tools, counts))
    };
    let callers: Vec<_> = (0..CALLERS).map(begin).collect();
    let so_far = || [&counts.ran, &counts.lost].map(|count| count.load(Ordering::Relaxed));
    for number in 0..KILLS.1 {
        if number >= KILLS.0 && !so_far().contains(&0) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        let (keeper, _) = stage.sidecar.launchers();
        // The one that works at this moment, if one does.
        for launcher in children(keeper).into_iter().take(1) {
            let _ = kill(Pid::from_raw(launcher as i32), Signal::SIGKILL);
        }
    }
    counts.over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("every answer is right");
    }
    let [ran, lost] = so_far();
    println!("{what}: {ran} ran, {lost} were lost");
    assert!(ran > 0 && lost > 0, "{what}: {ran} ran, {lost} were lost");
}

async fn survives(stage: &Stage, what: &str) {
    back_within_a_second(what, async || {
        storm(stage, what).await;
        stage.until_it_serves().await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_run_begins_twice_however_often_the_launcher_is_killed() {
    let stage = Stage::set(&[]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    survives(&stage, "launchers killed under load").await;
    rest.again(&stage.sidecar, "many killed launchers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_waiting_sandbox_serves_twice_however_often_the_launcher_is_killed() {
    let ready = [("CODEMODE_READY_LEAST", "4"), ("CODEMODE_READY_MOST", "8")];
    let mut stage = Stage::set(&ready).await;
    survives(&stage, "launchers killed with sandboxes made ahead").await;
    let remains = Remains::of(&stage.sidecar);
    stage.sidecar.signal(Signal::SIGTERM);
    assert_eq!(stage.sidecar.wait(), Some(0));
    remains.no_process("many killed launchers").await;
}
