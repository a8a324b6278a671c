//! The wall clock jumps by a day, forwards and back: no deadline follows it.
//!
//! The front gets its time through a small library of the test's own, loaded before the C library, whose
//! offset the test sets. The launcher, whose environment is empty, can't be given one: that nothing there
//! reads the wall clock is seen in its source.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::time::{TimeSpec, TimeValLike as _};
use nix::time::{ClockId, clock_gettime, clock_settime};

use crate::harness::{eventually, is_root};
use crate::leaks::AtRest;
use crate::promise::{COMES, HOLD, Stage, back_within_a_second, once_and_its_own};

const DAY: i64 = 86_400;

/// Adds the seconds that stand in a file to the wall clock, and to no other.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static int64_t offset(void) {
    static int file = -2;
    int64_t seconds = 0;
    if (file == -2) file = open(getenv("FAULTS_CLOCK"), O_RDONLY | O_CLOEXEC);
    if (pread(file, &seconds, sizeof seconds, 0) != sizeof seconds) return 0;
    return seconds;
}
int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, time);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += offset();
    return done;
}
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"#;

/// A wall clock that only the service sees.
struct Clock {
    offset: File,
    library: PathBuf,
    place: tempfile::TempDir,
}

impl Clock {
    /// `None` without a C compiler.
    fn new() -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let (source, library) = (place.path().join("clock.c"), place.path().join("clock.so"));
        fs::write(&source, LIBRARY).unwrap();
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        let offset = File::create(place.path().join("offset")).unwrap();
        made.is_ok_and(|status| status.success()).then_some(Self { offset, library, place })
    }

    fn jump(&self, seconds: i64) {
        self.offset.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    fn settings(&self) -> [(&str, String); 3] {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        [
            ("LD_PRELOAD", path(&self.library)),
            ("FAULTS_CLOCK", path(&self.place.path().join("offset"))),
            ("CODEMODE_AUDIT_FILE", path(&self.place.path().join("audit"))),
        ]
    }

    /// The day of the last record: what the service takes for today.
    fn recorded_day(&self) -> Option<String> {
        let text = fs::read_to_string(self.place.path().join("audit")).ok()?;
        let record: serde_json::Value = serde_json::from_str(text.lines().last()?).ok()?;
        Some(record["time"].as_str()?.get(..10)?.to_owned())
    }
}

/// Runs, deadlines and patience go by the time that passes, while `jump` moves the clock on and back.
async fn nothing_follows_the_clock(stage: &Stage, jump: impl Fn(i64)) {
    let rest = AtRest::of(&stage.sidecar).await;
    for offset in [DAY, -DAY, 0] {
        back_within_a_second(&format!("the clock jumps to {offset} s"), async || {
            let (runs, waits) = (stage.call("import time; time.sleep(0.5)"), stage.call(HOLD));
            stage.has_begun(&runs).await;
            stage.is_held(&waits).await;
            let endless = stage.call("while True: pass");
            stage.has_begun(&endless).await;
            let begun = Instant::now();
            jump(offset);
            let took = stage.until_it_serves().await;
            stage.tools.holding.add_permits(1);
            for call in [runs, waits] {
                let (name, outcome) = call.outcome().await;
                once_and_its_own(&stage.tools, &name, &outcome);
                assert!(outcome.as_ref().is_ok_and(|answer| answer.success), "{outcome:?}");
            }
            let (name, outcome) = endless.outcome().await;
            once_and_its_own(&stage.tools, &name, &outcome);
            assert_eq!(outcome.unwrap().error_type, "Timeout");
            assert!(begun.elapsed() > Duration::from_secs(2), "{:?}: early", begun.elapsed());
            took
        })
        .await;
    }
    rest.again(&stage.sidecar, "a clock that jumped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_deadline_follows_the_wall_clock() {
    let Some(clock) = Clock::new() else {
        return println!("skipped: no_deadline_follows_the_wall_clock: no C compiler");
    };
    let settings = clock.settings();
    let mut settings: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    settings.push(("CODEMODE_CODE_TIMEOUT", "3"));
    fs::set_permissions(clock.place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let stage = Stage::set_under(&[], &settings).await;
    // The service does see the clock that is moved.
    let today = clock.recorded_day();
    clock.jump(DAY);
    stage.serves().await.unwrap();
    eventually("its records are of another day", COMES, || clock.recorded_day() != today).await;
    nothing_follows_the_clock(&stage, |seconds| clock.jump(seconds)).await;
}

/// The machine's own clock, as it was, and as long after as this lives.
struct Borrowed {
    wall: TimeSpec,
    since: Instant,
}

impl Borrowed {
    fn set(&self, offset: i64) -> nix::Result<()> {
        let passed = TimeSpec::nanoseconds(self.since.elapsed().as_nanos() as i64);
        clock_settime(ClockId::CLOCK_REALTIME, self.wall + passed + TimeSpec::seconds(offset))
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let _ = self.set(0);
    }
}

/// On a machine of which nothing else needs the time.
#[tokio::test(flavor = "multi_thread")]
async fn no_deadline_follows_the_machines_clock() {
    let name = "no_deadline_follows_the_machines_clock";
    if std::env::var_os("CODEMODE_TEST_SET_CLOCK").is_none() {
        return println!(
            "skipped: {name}: it moves this machine's clock; CODEMODE_TEST_SET_CLOCK=1 lets it"
        );
    }
    let wall = clock_gettime(ClockId::CLOCK_REALTIME).unwrap();
    let machine = Borrowed { wall, since: Instant::now() };
    if !is_root() || machine.set(0).is_err() {
        return println!("skipped: {name}: this account may not set the clock");
    }
    let stage = Stage::set(&[("CODEMODE_CODE_TIMEOUT", "3")]).await;
    nothing_follows_the_clock(&stage, |seconds| machine.set(seconds).unwrap()).await;
}

#[test]
fn whatever_decides_over_a_run_reads_no_wall_clock() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for part in ["sys", "policy", "plan", "sandbox", "supervise", "report", "engine.rs"] {
        seen += without_wall_clock(&source.join(part));
    }
    assert!(seen > 50, "{seen} files were looked at");
}

fn without_wall_clock(path: &Path) -> usize {
    if path.is_dir() {
        return fs::read_dir(path)
            .unwrap()
            .flatten()
            .map(|file| without_wall_clock(&file.path()))
            .sum();
    }
    let text = fs::read_to_string(path).unwrap();
    for clock in ["SystemTime", "CLOCK_REALTIME", "UNIX_EPOCH", "gettimeofday"] {
        assert!(!text.contains(clock), "{}: {clock}", path.display());
    }
    1
}
