//! Descriptors run out: thousands of connections that say nothing, and more runs than there is room for.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::harness::{Sidecar, eventually, is_root, with_key};
use crate::leaks::AtRest;
use crate::promise::{
    FORGOTTEN, Stage, back_within_a_second, fresh_name, once_and_its_own, program,
};

/// What is aimed at.
const CROWD: u64 = 10_000;

/// A wrapper that lets the service have so many descriptors.
fn open_files(limit: u64) -> Vec<String> {
    ["sh", "-c", "ulimit -n \"$0\" && exec \"$@\"", &limit.to_string()].map(str::to_owned).into()
}

/// Raises this process's limit as far as it may go, and returns it.
fn most_of_our_own(wanted: u64) -> u64 {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let most = if is_root() { wanted.max(hard) } else { hard };
    match setrlimit(Resource::RLIMIT_NOFILE, most, most) {
        Ok(()) => most,
        Err(_) => {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
            hard
        }
    }
}

/// A run may have fewer then, too.
const FEW: u64 = 96;
const FEW_FOR_RUNS: (&str, &str) = ("CODEMODE_OPEN_FILES", "64");

/// Connects so many times and says nothing.
async fn crowd(port: u16, number: usize) -> Vec<TcpStream> {
    let connect = move || {
        let connect = |_| TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        (0..number).map(connect).collect()
    };
    tokio::task::spawn_blocking(connect).await.unwrap()
}

/// Connections to `port` that the service holds; those that wait in the kernel belong to nobody yet.
fn accepted(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let end = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    let ours = rows.filter(|row| row[1].ends_with(&end) && row[3] != LISTENS && row[9] != "0");
    // By the inode: a table that changes while it is read shows some rows twice.
    ours.map(|row| row[9].to_owned()).collect::<BTreeSet<_>>().len()
}

/// That state, in the table.
const LISTENS: &str = "0A";

/// The most connections that the service holds while `fault` lasts.
async fn most_accepted<T>(port: u16, fault: impl Future<Output = T>) -> (usize, T) {
    let mut most = 0;
    tokio::pin!(fault);
    loop {
        tokio::select! {
            done = &mut fault => return (most.max(accepted(port)), done),
            () = tokio::time::sleep(Duration::from_millis(200)) => most = most.max(accepted(port)),
        }
    }
}

fn cpu_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ');
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    // 100 a second on every Linux.
    Duration::from_millis(ticks * 10)
}

/// A full table must not be asked again and again for what it can't give.
async fn does_not_spin(sidecar: &Sidecar) {
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = cpu_time(sidecar.pid());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = cpu_time(sidecar.pid()) - before;
    assert!(used < Duration::from_millis(500), "{used:?} of processor time in an idle second");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_silent_connections_keep_nobody_out_and_are_closed() {
    let limit = most_of_our_own(2 * CROWD + 1_000);
    // Half of the service's are for connections; some of ours are needed by the other tests of this process.
    let number = usize::try_from(CROWD.min(limit / 2 - 100)).unwrap();
    let stage = Stage::set_under(&open_files(limit), &[]).await;
    let port = stage.sidecar.port;
    let rest = AtRest::of(&stage.sidecar).await;
    back_within_a_second("a crowd of silent connections", async || {
        let (most, crowd) = most_accepted(port, crowd(port, number)).await;
        let took = stage.until_it_serves().await;
        println!("{} of {CROWD} connections; at most {most} held at once", crowd.len());
        // Those that came first may be closed before the last are there.
        assert!(most > number / 10, "{most} were accepted");
        does_not_spin(&stage.sidecar).await;
        // The crowd stays; the service lets go of it by itself.
        eventually("they are closed", Duration::from_secs(30), || accepted(port) == 0).await;
        drop(crowd);
        took
    })
    .await;
    rest.again(&stage.sidecar, "a crowd").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_descriptors_leave_room_for_runs_and_do_not_spin() {
    let stage = Stage::set_under(&open_files(FEW), &[FEW_FOR_RUNS]).await;
    let rest = AtRest::of(&stage.sidecar).await;
    back_within_a_second("more connections than descriptors", async || {
        let mut client = stage.sidecar.client().await;
        // The rest of them waits in the kernel.
        let crowd = crowd(stage.sidecar.port, 150).await;
        does_not_spin(&stage.sidecar).await;
        let held = accepted(stage.sidecar.port);
        assert!((10..=FEW as usize / 2).contains(&held), "{held} of 150, with {FEW} descriptors");
        for _ in 0..3 {
            let name = fresh_name();
            let answer = client.execute(with_key(program(&name, ""))).await;
            let answer = answer.map(tonic::Response::into_inner);
            once_and_its_own(&stage.tools, &name, &answer);
            assert!(answer.as_ref().is_ok_and(|answer| answer.success), "{answer:?}");
        }
        drop((client, crowd));
        stage.until_it_serves().await
    })
    .await;
    rest.again(&stage.sidecar, "a crowd").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_runs_than_descriptors_are_each_answered() {
    let settings = [("CODEMODE_CONCURRENT_RUNS", "64"), ("CODEMODE_QUEUE", "64"), FEW_FOR_RUNS];
    let stage = Stage::set_under(&open_files(FEW), &settings).await;
    let rest = AtRest::of(&stage.sidecar).await;
    back_within_a_second("more runs than descriptors", async || {
        let client = stage.sidecar.client().await;
        let calls: Vec<_> = (0..64)
            .map(|_| {
                let (mut client, name) = (client.clone(), fresh_name());
                tokio::spawn(async move {
                    let call =
                        client.execute(with_key(program(&name, "tools['sleep'].run(value=1)")));
                    let answer = tokio::time::timeout(FORGOTTEN, call).await.expect("an answer");
                    (name, answer.map(tonic::Response::into_inner))
                })
            })
            .collect();
        let (mut ran, mut refused) = (0, Vec::new());
        for call in calls {
            let (name, outcome) = call.await.unwrap();
            once_and_its_own(&stage.tools, &name, &outcome);
            let answer = outcome.expect("an answer, and not a status");
            if answer.success { ran += 1 } else { refused.push(answer.error) }
        }
        assert!(ran > 0 && !refused.is_empty(), "{ran} ran, {refused:?}");
        println!("{ran} of 64 ran; the others: {:?}", refused.iter().collect::<BTreeSet<_>>());
        drop(client);
        stage.until_it_serves().await
    })
    .await;
    rest.again(&stage.sidecar, "too many runs").await;
}
