//! A connection is lost at every step of a run: the caller's, and the one to the main application.

use crate::harness::{eventually, inside};
use crate::leaks::AtRest;
use crate::promise::{COMES, HOLD, Stage, back_within_a_second, once_and_its_own};
use crate::wire::{Way, Wire};

const WAYS: [Way; 2] = [Way::Up, Way::Down];

/// Where a conversation of so many bytes is cut: in and around its preface and first headers, and then evenly.
fn points(bytes: usize, evenly: usize) -> Vec<usize> {
    let early = [0, 1, 23, 24, 50, 130];
    let steps = (1..=evenly).map(|step| bytes * step / evenly);
    let mut points: Vec<_> = early.into_iter().chain(steps).filter(|at| *at <= bytes).collect();
    points.sort_unstable();
    points.dedup();
    points
}

/// How many bytes pass each way while `talk` lasts.
async fn measured(wire: &Wire, talk: impl Future<Output = ()>) -> [usize; 2] {
    let before = WAYS.map(|way| wire.passed(way));
    talk.await;
    [wire.passed(Way::Up) - before[0], wire.passed(Way::Down) - before[1]]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_lost_at_any_byte_takes_its_run_along_and_no_other() {
    const TALKS: &str = "print('x' * 200_000)";
    let stage = Stage::set(&[]).await;
    let (_, launcher) = stage.sidecar.launchers();
    let rest = AtRest::of(&stage.sidecar).await;
    let whole = measured(&stage.to_sidecar, async {
        stage.call_over_wire(TALKS).outcome().await.1.expect("an answer over the whole line");
    })
    .await;
    let (mut not_begun, mut begun_in_vain) = (0, 0);
    for way in WAYS {
        for (number, at) in points(whole[way as usize], 10).into_iter().enumerate() {
            stage.to_sidecar.reset_when_cut(number % 2 == 0);
            stage.to_sidecar.mend();
            stage.to_sidecar.cut_after(way, at);
            let beside = stage.call("");
            let (name, outcome) = stage.call_over_wire(TALKS).outcome().await;
            once_and_its_own(&stage.tools, &name, &outcome);
            let (other, unharmed) = beside.outcome().await;
            once_and_its_own(&stage.tools, &other, &unharmed);
            assert!(unharmed.is_ok_and(|answer| answer.success), "{way:?} {at}");
            eventually("the run is gone", COMES, || inside(launcher).is_empty()).await;
            match (outcome.is_err(), stage.marked(&name)) {
                (true, 0) => not_begun += 1,
                (true, _) => begun_in_vain += 1,
                (false, _) => {}
            }
        }
    }
    // Cut before the request was whole, and while its answer was under way.
    assert!(not_begun >= 6 && begun_in_vain >= 3, "{not_begun} {begun_in_vain} of {whole:?} bytes");
    stage.to_sidecar.mend();
    rest.again(&stage.sidecar, "lost callers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_lost_while_its_program_runs_or_waits_takes_it_along() {
    let stage = Stage::set(&[]).await;
    let (_, launcher) = stage.sidecar.launchers();
    let rest = AtRest::of(&stage.sidecar).await;
    for (then, resets) in
        [("while True: pass", false), ("while True: pass", true), (HOLD, false), (HOLD, true)]
    {
        stage.to_sidecar.reset_when_cut(resets);
        back_within_a_second(&format!("caller lost, {then}"), async || {
            stage.to_sidecar.mend();
            let call = stage.call_over_wire(then);
            stage.has_begun(&call).await;
            if then == HOLD {
                stage.is_held(&call).await;
            }
            stage.to_sidecar.cut();
            let took = stage.until_it_serves().await;
            let (name, outcome) = call.outcome().await;
            assert!(outcome.is_err(), "{outcome:?}");
            once_and_its_own(&stage.tools, &name, &outcome);
            eventually("the run is gone", COMES, || inside(launcher).is_empty()).await;
            took
        })
        .await;
    }
    rest.again(&stage.sidecar, "lost callers").await;
}

/// A run whose main application is lost is still answered, never by a status that is tried again, and no tool
/// is called a second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_main_application_lost_at_any_byte_fails_at_most_the_call_it_was_in() {
    // The list of tools is asked for in every run: it is part of the conversation.
    let stage = Stage::set(&[("CODEMODE_METADATA_TTL", "0")]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    let reconnected = || {
        stage.to_app.cut();
        stage.to_app.mend();
    };
    let whole = measured(&stage.to_app, async {
        reconnected();
        stage.until_it_serves().await;
    })
    .await;
    let mut answered = [0, 0];
    for way in WAYS {
        for (number, at) in points(whole[way as usize], 8).into_iter().enumerate() {
            stage.to_app.reset_when_cut(number % 2 == 0);
            back_within_a_second(&format!("main application lost, {way:?} {at}"), async || {
                reconnected();
                stage.to_app.cut_after(way, at);
                let (name, outcome) = stage.call("").outcome().await;
                once_and_its_own(&stage.tools, &name, &outcome);
                let answer = outcome.unwrap_or_else(|status| panic!("{way:?} {at}: {status}"));
                answered[usize::from(answer.success)] += 1;
                stage.to_app.mend();
                stage.until_it_serves().await
            })
            .await;
        }
    }
    assert!(answered[0] >= 6, "tool calls that failed, and that did not: {answered:?}");
    rest.again(&stage.sidecar, "lost main applications").await;
}
