//! `kill -9`: the launcher, its keeper, the warm interpreter, the front, the main application; while nothing
//! runs, while a program runs, while it waits for a tool, and while its answer is on the way.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::processes::signal;
use crate::harness::{cradle, eventually, inside, warm_interpreter};
use crate::leaks::{AtRest, Remains};
use crate::promise::{COMES, Call, HOLD, Outcome, Stage, back_within_a_second, once_and_its_own};
use crate::wire::Way;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Idle,
    Running,
    InTool,
    Answering,
}

/// How long another warm interpreter may take to be there, with its pause after a short life.
const REPLACED: Duration = Duration::from_secs(30);

const MOMENTS: [Moment; 4] = [Moment::Idle, Moment::Running, Moment::InTool, Moment::Answering];

/// What is more than a caller takes before it has read some of it.
const LONGER: &str = "' ' + 'x' * 6_000_000";

impl Moment {
    /// Brings a call to this moment. A program that runs does so for `seconds`.
    async fn reach(self, stage: &Stage, seconds: f32) -> Option<Call> {
        match self {
            Self::Idle => None,
            Self::Running => {
                let call = stage.call(&format!("import time; time.sleep({seconds})"));
                stage.has_begun(&call).await;
                Some(call)
            }
            Self::InTool => {
                let call = stage.call(HOLD);
                stage.is_held(&call).await;
                Some(call)
            }
            Self::Answering => {
                let call = stage.call_over_wire(&format!("{HOLD}\nresult += {LONGER}"));
                stage.is_held(&call).await;
                stage.to_sidecar.hold(Way::Down);
                stage.tools.holding.add_permits(1);
                let (_, launcher) = stage.sidecar.launchers();
                let over = || inside(launcher).is_empty();
                eventually("the run is over", COMES, over).await;
                Some(call)
            }
        }
    }
}

/// Checks the one outcome there was and gives it back.
async fn outcome(stage: &Stage, call: Option<Call>) -> Option<Outcome> {
    stage.to_sidecar.mend();
    let (name, outcome) = call?.outcome().await;
    once_and_its_own(&stage.tools, &name, &outcome);
    Some(outcome)
}

fn is_intact(outcome: &Outcome) -> bool {
    outcome.as_ref().is_ok_and(|answer| answer.success)
}

/// An answer, and not a status: nobody may try such a run again unasked.
fn is_fault(outcome: &Outcome) -> bool {
    outcome.as_ref().is_ok_and(|answer| answer.error_type == "SandboxFault")
}

/// Answered, with the tool call that could not be made in its traceback.
fn has_failed_in(tool: &str, outcome: &Outcome) -> bool {
    let why = format!("Tool '{tool}' could not be called");
    outcome.as_ref().is_ok_and(|answer| !answer.success && answer.stderr.contains(&why))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_launcher_is_answered_for_and_replaced_at_every_moment() {
    let stage = Stage::set(&[]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    for moment in MOMENTS {
        back_within_a_second(&format!("launcher killed, {moment:?}"), async || {
            let call = moment.reach(&stage, 25.0).await;
            let (_, launcher) = stage.sidecar.launchers();
            signal(launcher, Signal::SIGKILL);
            let took = stage.until_it_serves().await;
            match (moment, outcome(&stage, call).await) {
                (Moment::Idle, None) => {}
                (Moment::Answering, Some(outcome)) => assert!(is_intact(&outcome), "{outcome:?}"),
                (_, outcome) => assert!(outcome.as_ref().is_some_and(is_fault), "{outcome:?}"),
            }
            rest.again(&stage.sidecar, &format!("a killed launcher, {moment:?}")).await;
            assert_ne!(stage.sidecar.launchers().1, launcher);
            took
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_warm_interpreter_spoils_no_run_at_any_moment() {
    killed_at_every_moment("warm interpreter", warm_interpreter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_cradle_spoils_no_run_at_any_moment() {
    killed_at_every_moment("cradle", cradle).await;
}

/// What runs are forked from, as it is found beside the launcher.
type ForkedFrom = fn(u32) -> Option<u32>;

async fn killed_at_every_moment(name: &str, find: ForkedFrom) {
    // Each with a service of its own: one that is killed often is replaced slowly.
    let [idle, running, in_tool, answering] = MOMENTS;
    tokio::join!(
        killed(name, find, idle),
        killed(name, find, running),
        killed(name, find, in_tool),
        killed(name, find, answering),
    );
}

async fn killed(name: &str, find: ForkedFrom, moment: Moment) {
    let stage = Stage::set(&[("CODEMODE_START", "warm")]).await;
    let (_, launcher) = stage.sidecar.launchers();
    let rest = AtRest::of(&stage.sidecar).await;
    let what = format!("{name} killed, {moment:?}");
    let mut victim = 0;
    back_within_a_second(&what, async || {
        eventually(&format!("a {name} is there"), REPLACED, || {
            victim = find(launcher).filter(|pid| *pid != victim).unwrap_or(victim);
            Path::new(&format!("/proc/{victim}")).exists()
        })
        .await;
        let call = moment.reach(&stage, 0.5).await;
        signal(victim, Signal::SIGKILL);
        let took = stage.until_it_serves().await;
        if moment == Moment::InTool {
            stage.tools.holding.add_permits(1);
        }
        let outcome = outcome(&stage, call).await;
        assert!(outcome.as_ref().is_none_or(is_intact), "{moment:?}: {outcome:?}");
        assert_eq!(stage.sidecar.launchers().1, launcher);
        took
    })
    .await;
    let another = || find(launcher).is_some_and(|pid| pid != victim);
    eventually(&format!("another {name} is there"), REPLACED, another).await;
    rest.again(&stage.sidecar, &what).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_front_leaves_nothing_and_the_next_one_serves() {
    let mut stage = Stage::set(&[]).await;
    for moment in MOMENTS {
        back_within_a_second(&format!("front killed, {moment:?}"), async || {
            let call = moment.reach(&stage, 25.0).await;
            let remains = Remains::of(&stage.sidecar);
            assert!(remains.counts().0 >= 2, "keeper and launcher: {:?}", remains.counts());
            signal(stage.sidecar.pid(), Signal::SIGKILL);
            stage.sidecar.wait();
            let over = Instant::now();
            stage.start_again().await;
            stage.until_it_serves().await;
            let took = over.elapsed();
            let outcome = outcome(&stage, call).await;
            assert!(outcome.is_none_or(|outcome| outcome.is_err()), "{moment:?}");
            remains.nothing(&stage.sidecar, &format!("a killed front, {moment:?}")).await;
            took
        })
        .await;
    }
}

/// Nothing is left then that could make a sandbox: the service ends and says so, for its manager to start anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_keeper_ends_the_service_with_every_run_answered() {
    let mut stage = Stage::set(&[]).await;
    let mut begun = Vec::new();
    for moment in [Moment::Running, Moment::InTool] {
        begun.push(moment.reach(&stage, 25.0).await.unwrap());
    }
    let remains = Remains::of(&stage.sidecar);
    let (keeper, _) = stage.sidecar.launchers();
    signal(keeper, Signal::SIGKILL);
    for call in begun {
        let outcome = outcome(&stage, Some(call)).await.unwrap();
        assert!(is_fault(&outcome), "{outcome:?}");
    }
    assert!(stage.sidecar.wait().is_some_and(|code| code != 0), "it says that it failed");
    remains.no_process("a killed keeper").await;
    stage.start_again().await;
    stage.serves().await.unwrap();
    // The next launcher tidies up after one whose keeper could not.
    remains.nothing(&stage.sidecar, "a killed keeper").await;
}

/// As seen from the service: every connection to it is gone, and no new one is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_main_application_fails_tool_calls_and_nothing_else() {
    let stage = Stage::set(&[]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    for (number, moment) in MOMENTS.into_iter().enumerate() {
        stage.to_app.reset_when_cut(number % 2 == 0);
        back_within_a_second(&format!("main application killed, {moment:?}"), async || {
            let call = moment.reach(&stage, 0.5).await;
            stage.to_app.cut();
            let without = stage.call("").outcome().await.1;
            assert!(has_failed_in("mark", &without), "{without:?}");
            match (moment, outcome(&stage, call).await) {
                (Moment::InTool, Some(outcome)) => {
                    assert!(has_failed_in("hold", &outcome), "{outcome:?}");
                }
                (_, Some(outcome)) => assert!(is_intact(&outcome), "{outcome:?}"),
                (_, None) => assert_eq!(moment, Moment::Idle),
            }
            stage.to_app.mend();
            stage.until_it_serves().await
        })
        .await;
    }
    rest.again(&stage.sidecar, "killed main applications").await;
}
