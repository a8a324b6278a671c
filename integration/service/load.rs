//! Many runs at once, and nothing left of them.

use std::time::{Duration, Instant};

use crate::harness::{MainApp, Sidecar, eventually, request, settle, traces, with_key};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_runs_wait_on_a_tool_at_once_and_leave_nothing() {
    let app = MainApp::start().await;
    let target = app.target();
    let sidecar = Sidecar::start(&[
        ("MAIN_APP_GRPC_TARGET", target.as_str()),
        ("CODEMODE_CONCURRENT_RUNS", "256"),
        ("CODEMODE_QUEUE", "256"),
    ])
    .await;
    let code = "result = tools['sleep'].run(value=1)";
    let mut call = request(code);
    call.available_tools = vec!["sleep".to_owned()];
    // A first run opens what stays open: the channel to the main application.
    assert!(sidecar.execute(call.clone()).await.unwrap().success);
    settle(&sidecar).await;
    let before = traces(&sidecar);
    let begun = Instant::now();
    let calls = sidecar.begin_all(&call, 200).await;
    for call in calls {
        let answer = call.await.expect("an answer");
        assert!(answer.success, "{} {}", answer.error_type, answer.error);
        assert_eq!(answer.result, "1");
    }
    println!("200 runs, each a second in a tool: {:.1} s", begun.elapsed().as_secs_f64());
    settle(&sidecar).await;
    eventually("traces are as before", Duration::from_secs(10), || traces(&sidecar) == before)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_resource_exhausted_and_the_rest_is_answered() {
    let sidecar =
        Sidecar::start(&[("CODEMODE_CONCURRENT_RUNS", "1"), ("CODEMODE_QUEUE", "1")]).await;
    let client = sidecar.client().await;
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move {
                client.execute(with_key(request("import time; time.sleep(0.5)"))).await
            })
        })
        .collect();
    let (mut ran, mut full) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(answer) => {
                assert!(answer.into_inner().success);
                ran += 1;
            }
            Err(status) => {
                assert_eq!(status.code(), tonic::Code::ResourceExhausted, "{status}");
                full += 1;
            }
        }
    }
    assert_eq!((ran, full), (2, 4));
    assert!(sidecar.run("result = 1").await.success);
}
