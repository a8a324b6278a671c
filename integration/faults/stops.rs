//! `SIGSTOP` and `SIGCONT`: the front, the launcher, its keeper, the cradle, and a main application that stands still.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::processes::{signal, state};
use crate::harness::{cradle, eventually};
use crate::leaks::AtRest;
use crate::promise::{COMES, HOLD, Stage, back_within_a_second, once_and_its_own};
use crate::wire::Way;

/// Everybody who called before or meanwhile is answered afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_front_that_stood_still_answers_everybody_when_it_goes_on() {
    let stage = Stage::set(&[]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    back_within_a_second("front stopped and continued", async || {
        let mut calls: Vec<_> =
            (0..16).map(|_| stage.call("import time; time.sleep(0.3)")).collect();
        for call in &calls {
            stage.has_begun(call).await;
        }
        signal(stage.sidecar.pid(), Signal::SIGSTOP);
        eventually("it stands", COMES, || state(stage.sidecar.pid()) == Some('T')).await;
        calls.extend((0..4).map(|_| stage.call("")));
        // Long enough for every program to end meanwhile.
        tokio::time::sleep(Duration::from_secs(1)).await;
        signal(stage.sidecar.pid(), Signal::SIGCONT);
        let took = stage.until_it_serves().await;
        for call in calls {
            let (name, outcome) = call.outcome().await;
            once_and_its_own(&stage.tools, &name, &outcome);
            assert!(outcome.as_ref().is_ok_and(|answer| answer.success), "{outcome:?}");
        }
        took
    })
    .await;
    rest.again(&stage.sidecar, "a stopped front").await;
}

/// Its keeper sees it and has it go on: nobody waits for somebody to send `SIGCONT`.
#[tokio::test(flavor = "multi_thread")]
async fn a_launcher_that_is_stopped_goes_on_at_once_and_loses_no_run() {
    let stage = Stage::set(&[]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    let (_, launcher) = stage.sidecar.launchers();
    back_within_a_second("launcher stopped", async || {
        let call = stage.call(HOLD);
        stage.is_held(&call).await;
        for _ in 0..5 {
            signal(launcher, Signal::SIGSTOP);
        }
        let took = stage.until_it_serves().await;
        stage.tools.holding.add_permits(1);
        let (name, outcome) = call.outcome().await;
        once_and_its_own(&stage.tools, &name, &outcome);
        assert!(outcome.as_ref().is_ok_and(|answer| answer.success), "{outcome:?}");
        took
    })
    .await;
    assert_eq!(stage.sidecar.launchers().1, launcher, "the same as before");
    rest.again(&stage.sidecar, "a stopped launcher").await;
}

/// Both at once: nobody tells the launcher to go on before its keeper does.
#[tokio::test(flavor = "multi_thread")]
async fn a_launcher_that_is_stopped_with_its_keeper_goes_on_with_it() {
    let stage = Stage::set(&[]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    let (keeper, launcher) = stage.sidecar.launchers();
    back_within_a_second("keeper and launcher stopped, keeper continued", async || {
        for pid in [keeper, launcher] {
            signal(pid, Signal::SIGSTOP);
            eventually("it stands", COMES, || state(pid) == Some('T')).await;
        }
        let call = stage.call("");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(stage.marked(&call.name), 0, "a stopped launcher starts no run");
        signal(keeper, Signal::SIGCONT);
        let took = stage.until_it_serves().await;
        let (name, outcome) = call.outcome().await;
        once_and_its_own(&stage.tools, &name, &outcome);
        assert!(outcome.as_ref().is_ok_and(|answer| answer.success), "{outcome:?}");
        took
    })
    .await;
    rest.again(&stage.sidecar, "a stopped keeper").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cradle_that_stands_still_is_given_up_and_replaced_and_spoils_no_run() {
    let stage = Stage::set(&[("CODEMODE_START", "warm")]).await;
    let (_, launcher) = stage.sidecar.launchers();
    eventually("a cradle is there", COMES, || cradle(launcher).is_some()).await;
    let rest = AtRest::of(&stage.sidecar).await;
    let stopped = cradle(launcher).unwrap();
    signal(stopped, Signal::SIGSTOP);
    eventually("it stands", COMES, || state(stopped) == Some('T')).await;
    let (name, outcome) = stage.call("").outcome().await;
    once_and_its_own(&stage.tools, &name, &outcome);
    assert!(outcome.as_ref().is_ok_and(|answer| answer.success), "{outcome:?}");
    let another = || cradle(launcher).is_some_and(|pid| pid != stopped);
    eventually("another is there", COMES, another).await;
    assert_eq!(stage.sidecar.launchers().1, launcher, "the same as before");
    rest.again(&stage.sidecar, "a stopped cradle").await;
}

/// As seen from the service: the connection stands and nothing comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_main_application_that_stands_still_costs_its_callers_their_patience_only() {
    let stage = Stage::set(&[]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    back_within_a_second("main application stopped and continued", async || {
        let held = stage.call(&format!("{HOLD}\nprint('went on')"));
        stage.is_held(&held).await;
        stage.to_app.hold(Way::Down);
        let mut waits = crate::promise::program("run-waits", "");
        waits.timeout = 1;
        let answer = stage.sidecar.execute(waits).await.expect("an answer");
        assert!(!answer.success, "{answer:?}");
        assert!(answer.error.contains("timed out") || answer.error_type == "Timeout", "{answer:?}");
        assert!(stage.sidecar.run("result = 1").await.success, "without tools nobody waits");
        stage.to_app.mend();
        let took = stage.until_it_serves().await;
        stage.tools.holding.add_permits(1);
        let (name, outcome) = held.outcome().await;
        once_and_its_own(&stage.tools, &name, &outcome);
        assert!(outcome.is_ok_and(|answer| answer.stdout.ends_with("went on\n")));
        took
    })
    .await;
    assert!(stage.marked("run-waits") >= 1, "it was asked, and its answer held back");
    rest.again(&stage.sidecar, "a stopped main application").await;
}
