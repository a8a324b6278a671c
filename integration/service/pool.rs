//! Sandboxes made ahead: complete, single-use, replaced, and gone with the service.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::processes::{signal, state};
use crate::harness::{Sidecar, children, eventually, inside, request};

const LEAST: usize = 2;

async fn with_pool() -> Sidecar {
    let sidecar =
        Sidecar::start(&[("CODEMODE_READY_LEAST", "2"), ("CODEMODE_READY_MOST", "4")]).await;
    full(&sidecar).await;
    sidecar
}

async fn full(sidecar: &Sidecar) {
    eventually("as many wait as should", Duration::from_secs(10), || {
        let keeper = children(sidecar.pid()).first().copied().unwrap_or_default();
        let launcher = children(keeper).first().copied().unwrap_or_default();
        // Each is an init and its guest.
        inside(launcher).len() >= 2 * LEAST
    })
    .await;
}

/// Whether a process is gone, or waits to be reaped: its children have been signalled by then.
fn is_dead(pid: u32) -> bool {
    state(pid).is_none_or(|state| state == 'Z')
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_sandbox_serves_one_run_and_no_other() {
    let sidecar = with_pool().await;
    let (_, launcher) = sidecar.launchers();
    let before: BTreeSet<u32> = inside(launcher).into_iter().collect();
    let traces = "import os, sys, builtins\n\
                  result = [hasattr(builtins, 'trace'), os.path.exists('/tmp/trace'),\n\
                  \x20         'TRACE' in os.environ, 'trace' in sys.modules]\n\
                  builtins.trace = os.environ['TRACE'] = 'x'\n\
                  sys.modules['trace'] = sys\n\
                  open('/tmp/trace', 'w').close()";
    for _ in 0..8 {
        let answer = sidecar.run(traces).await;
        assert_eq!(answer.result, "[false, false, false, false]", "{}", answer.stderr);
    }
    full(&sidecar).await;
    let after: BTreeSet<u32> = inside(launcher).into_iter().collect();
    assert_eq!(before.intersection(&after).count(), 0, "one of the first two is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_sandbox_has_every_wall_and_its_own_limits() {
    let sidecar = with_pool().await;
    let report = sidecar.run("result = 1").await.report.unwrap();
    assert!(report.usage.unwrap().start_ms < 1000.0);
    for name in ["seccomp", "exec_gate", "network_namespace", "capabilities"] {
        assert!(report.walls.iter().any(|wall| wall.name == name && wall.standing), "{name}");
    }
    let mut short = request("print('before', flush=True)\nwhile True: pass");
    short.timeout = 1;
    let late = sidecar.execute(short).await.unwrap();
    assert_eq!((late.error_type.as_str(), late.stdout.as_str()), ("Timeout", "before\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_sandboxes_that_died_are_replaced_and_no_run_is_lost() {
    let sidecar = with_pool().await;
    let (_, launcher) = sidecar.launchers();
    signal(launcher, Signal::SIGKILL);
    // Until then a sandbox that waits may still begin with a program, which is not run again. From then on none may,
    // whether the service knows of it yet or not.
    let begun = Instant::now();
    while !is_dead(launcher) {
        assert!(begun.elapsed() < Duration::from_secs(10), "the launcher doesn't die");
        std::thread::yield_now();
    }
    for number in 0..4 {
        let answer = sidecar.run(&format!("result = {number}")).await;
        assert_eq!(answer.result, number.to_string(), "{}", answer.error);
    }
    full(&sidecar).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_sandboxes_end_with_the_service() {
    let mut sidecar = with_pool().await;
    let everything = crate::harness::descendants(sidecar.pid());
    sidecar.signal(Signal::SIGTERM);
    assert_eq!(sidecar.wait(), Some(0));
    eventually("nothing is left", Duration::from_secs(3), || {
        everything.iter().copied().all(is_dead)
    })
    .await;
}
