//! Memory runs out: in the front, and in a group around the whole service.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::is_root;
use crate::leaks::{AtRest, Remains};
use crate::promise::{FORGOTTEN, Stage, back_within_a_second, once_and_its_own};

/// What the service may take beyond what it has at rest, in KiB: enough to start interpreters by.
const MARGIN: u64 = 16 << 10;
/// Calls of 3 MiB each that come at once.
const CALLS: usize = 48;

/// What a process may write to, in KiB, beside what it shares.
fn data(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Starts the service with so many KiB to write to. The soft limit only: runs have their own.
fn with_data(most: u64) -> Vec<String> {
    ["sh", "-c", "ulimit -S -d \"$0\" && exec \"$@\"", &most.to_string()].map(str::to_owned).into()
}

/// It can't go on without memory, and ends: as when it is killed, nothing is left and the next one serves.
#[tokio::test(flavor = "multi_thread")]
async fn a_front_without_memory_ends_and_leaves_nothing() {
    let mut stage = Stage::set(&[]).await;
    let most = data(stage.sidecar.pid()) + MARGIN;
    back_within_a_second("a front without memory", async || {
        stage.start_under(with_data(most));
        stage.sidecar.end();
        stage.start_again().await;
        stage.serves().await.expect("so much is enough to serve");
        let remains = Remains::of(&stage.sidecar);
        let padding = format!("# {}", "x".repeat(3 << 20));
        let begun = Instant::now();
        let mut lost = 0;
        while lost == 0 {
            assert!(begun.elapsed() < FORGOTTEN, "it finds memory after all");
            let calls: Vec<_> = (0..CALLS).map(|_| stage.call(&padding)).collect();
            for call in calls {
                let (name, outcome) = call.outcome().await;
                once_and_its_own(&stage.tools, &name, &outcome);
                lost += usize::from(outcome.is_err());
            }
        }
        assert_eq!(stage.sidecar.wait(), None, "ended by a signal: its own");
        let over = Instant::now();
        stage.start_under(Vec::new());
        stage.start_again().await;
        stage.until_it_serves().await;
        let took = over.elapsed();
        remains.nothing(&stage.sidecar, "a front without memory").await;
        took
    })
    .await;
}

/// A control group for the service, below the test's own; removed when dropped.
struct Group(PathBuf);

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel lets go of it a moment after its last process.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Group {
    /// With so much memory; `None` where no group can be made that counts it.
    fn with_memory(bytes: u64) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let first = groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            controllers.split(',').any(|name| name == "memory").then(|| path.to_owned())
        })?;
        let parent = Path::new("/sys/fs/cgroup/memory").join(first.trim_start_matches('/'));
        let group = Self(parent.join(format!("faults-{}", std::process::id())));
        fs::create_dir(&group.0).ok()?;
        fs::write(group.0.join("memory.limit_in_bytes"), bytes.to_string()).ok()?;
        Some(group)
    }

    fn wrapper(&self) -> Vec<String> {
        let file = self.0.join("cgroup.procs");
        ["sh", "-c", "echo $$ >\"$0\" && exec \"$@\"", file.to_str().unwrap()]
            .map(str::to_owned)
            .into()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_group_around_the_service_ends_runs_and_not_the_service() {
    let name = "a_full_group_around_the_service_ends_runs_and_not_the_service";
    let Some(group) = is_root().then(|| Group::with_memory(256 << 20)).flatten() else {
        return println!(
            "skipped: {name}: no memory group (cgroup v1) can be made by this account"
        );
    };
    {
        let stage = Stage::set_under(&group.wrapper(), &[]).await;
        let rest = AtRest::of(&stage.sidecar).await;
        let greedy = "import time\nheld = b'x' * (150 << 20)\ntime.sleep(2)";
        back_within_a_second("a full group", async || {
            let calls: Vec<_> = (0..4).map(|_| stage.call(greedy)).collect();
            let mut failed = Vec::new();
            for call in calls {
                let (name, outcome) = call.outcome().await;
                once_and_its_own(&stage.tools, &name, &outcome);
                let answer = outcome.expect("an answer, and not a status");
                if !answer.success {
                    failed.push(format!("{}: {}", answer.error_type, answer.error));
                }
            }
            assert!(!failed.is_empty(), "four times 150 MiB fit into 256");
            println!("{failed:#?}");
            stage.until_it_serves().await
        })
        .await;
        rest.again(&stage.sidecar, "a full group").await;
    }
}
