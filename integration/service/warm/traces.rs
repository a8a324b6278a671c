//! What one run leaves, no other finds: neither afterwards nor while the first still runs.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{service_with_app, warm_result};
use crate::harness::{Sidecar, eventually, request, with_key};

const PROGRAM: &str = include_str!("traces.py");

fn program(does: &str) -> String {
    format!("{PROGRAM}\n\n{does}\n")
}

/// Whether any part of an answer is true; panics unless every part is true or false.
fn parts(answer: &Value) -> Vec<bool> {
    match answer {
        Value::Array(parts) => parts.iter().map(|part| part.as_bool().unwrap()).collect(),
        other => vec![other.as_bool().unwrap()],
    }
}

async fn look(sidecar: &Sidecar) -> (Map<String, Value>, String) {
    let answer = sidecar.run(&program("result = look()")).await;
    let found = warm_result(&answer).as_object().unwrap().clone();
    (found, answer.stdout)
}

async fn finds_nothing(sidecar: &Sidecar, when: &str) {
    let (found, stdout) = look(sidecar).await;
    let there: Vec<_> = found.iter().filter(|(_, answer)| parts(answer).contains(&true)).collect();
    assert!(there.is_empty(), "{when}: {there:?}");
    assert_eq!(stdout, "", "{when}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_run_leaves_no_other_finds() {
    let (sidecar, app) = service_with_app(&[("CODEMODE_MAX_CODE_LENGTH", "100000")]).await;
    finds_nothing(&sidecar, "at first").await;
    // The control: who left it finds every part of it.
    let answer = sidecar.run(&program("result = [leave(), look()]")).await;
    let both = warm_result(&answer);
    let refused = both[0].as_object().unwrap();
    for (name, found) in both[1].as_object().unwrap() {
        match refused.get(name) {
            Some(why) => println!("skipped: {name} can't be left: {why}"),
            None => assert!(!parts(found).contains(&false), "the control: {name}: {found}"),
        }
    }
    assert!(answer.stdout.contains("left at exit"), "the control: {answer:?}");
    finds_nothing(&sidecar, "after the control").await;
    for round in 0..3 {
        let left = sidecar.run(&program("result = leave()")).await;
        assert_eq!(warm_result(&left), json!(refused));
        finds_nothing(&sidecar, &format!("after round {round}")).await;
        finds_nothing(&sidecar, &format!("a run later in round {round}")).await;
    }
    // And while the one that left it is still there.
    let mut call = request(&program("leave()\ntools['hold'].run()\nresult = look()"));
    call.available_tools = vec!["hold".to_owned()];
    let mut client = sidecar.client().await;
    let living = tokio::spawn(async move { client.execute(with_key(call)).await });
    let seen = || !app.tools.seen.lock().unwrap().is_empty();
    eventually("it has left everything", Duration::from_secs(20), seen).await;
    finds_nothing(&sidecar, "beside a living run").await;
    app.tools.holding.add_permits(1);
    let living = warm_result(&living.await.unwrap().unwrap().into_inner());
    assert!(living.as_object().unwrap().values().any(|found| parts(found).contains(&true)));
    finds_nothing(&sidecar, "after the living run").await;
}
