//! What breaks around a run: its client, its launcher, its service.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::processes::{is_init, signal};
use crate::harness::{Sidecar, children, descendants, eventually, inside, request, with_key};

/// Shows by a child of its own that it runs.
const LONG: &str = "import os, time\nos.fork()\nwhile True: time.sleep(0.1)";

fn end(pid: u32) {
    signal(pid, Signal::SIGKILL);
}

/// Whether a program of this launcher's has begun: it alone has a child without being an init, and an init may be
/// what is left of the run before.
fn has_begun(launcher: u32) -> bool {
    inside(launcher).into_iter().any(|pid| !is_init(pid) && !children(pid).is_empty())
}

/// Starts a long run in the background and waits until its program has begun: before, it would be run again.
async fn long_run(
    sidecar: &Sidecar,
) -> tokio::task::JoinHandle<Result<codemode::grpc::proto::ExecutionResponse, tonic::Status>> {
    let mut client = sidecar.client().await;
    let call = tokio::spawn(async move {
        client.execute(with_key(request(LONG))).await.map(tonic::Response::into_inner)
    });
    let (_, launcher) = sidecar.launchers();
    eventually("the program runs", Duration::from_secs(5), || has_begun(launcher)).await;
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_takes_its_run_with_it() {
    let sidecar = Sidecar::start(&[]).await;
    let call = long_run(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    call.abort();
    eventually("the run is gone", Duration::from_secs(2), || inside(launcher).is_empty()).await;
    assert!(sidecar.run("result = 1").await.success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_launcher_is_answered_for_and_replaced_within_a_second() {
    let sidecar = Sidecar::start(&[]).await;
    let call = long_run(&sidecar).await;
    let (_, launcher) = sidecar.launchers();
    let inside = descendants(launcher);
    assert!(inside.len() >= 2, "{inside:?}");
    let begun = Instant::now();
    end(launcher);
    let answer = call.await.unwrap().expect("an answer, and none that is retried");
    assert!(!answer.success);
    assert_eq!(answer.error_type, "SandboxFault", "{}", answer.error);
    eventually("its processes are gone", Duration::from_secs(2), || {
        inside.iter().all(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists())
    })
    .await;
    assert!(sidecar.run("result = 1").await.success);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_front_leaves_no_process() {
    let sidecar = Sidecar::start(&[]).await;
    let call = long_run(&sidecar).await;
    let all = descendants(sidecar.pid());
    assert!(all.len() >= 4, "keeper, launcher, init, guest: {all:?}");
    end(sidecar.pid());
    eventually("every process is gone", Duration::from_secs(3), || {
        all.iter().all(|pid| !alive(*pid))
    })
    .await;
    assert!(call.await.unwrap().is_err());
}

fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_grace_period_a_drain_ends_what_still_runs() {
    let mut sidecar = Sidecar::start(&[("CODEMODE_SHUTDOWN_GRACE", "0.5")]).await;
    let call = long_run(&sidecar).await;
    let begun = Instant::now();
    sidecar.signal(Signal::SIGTERM);
    let answer = call.await.unwrap().expect("an answer, and none that is retried");
    assert_eq!(answer.error_type, "Cancelled");
    assert_eq!(sidecar.wait(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
