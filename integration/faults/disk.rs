//! The disk is full: under the audit file, the log and the directory for temporary files, while the service
//! runs and when it starts.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{eventually, is_root};
use crate::leaks::AtRest;
use crate::promise::{Stage, back_within_a_second, once_and_its_own};

/// A file system of a few pages, in a mount namespace of its own that ends with its holder.
struct Disk {
    holder: Child,
    place: tempfile::TempDir,
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

impl Disk {
    /// `None` where this account may not mount.
    fn small() -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let script =
            "mount -t tmpfs -o size=128k,mode=1777 faults \"$0\" && echo ready && exec sleep 600";
        let mut holder = Command::new("unshare")
            .args(if is_root() { &["-m"][..] } else { &["-U", "-r", "-m"] })
            .args(["sh", "-c", script])
            .arg(place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut word = [0; 6];
        let ready = holder.stdout.take().unwrap().read_exact(&mut word).is_ok();
        let disk = Self { holder, place };
        ready.then_some(disk)
    }

    /// Its directory, as the service names it.
    fn named(&self, file: &str) -> String {
        self.place.path().join(file).to_str().unwrap().to_owned()
    }

    /// The same, from outside its namespace.
    fn seen(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.holder.id(), self.named(file)))
    }

    /// Starts a command there, whose standard error is a file on it.
    fn wrapper(&self) -> Vec<String> {
        let (pid, log) = (self.holder.id().to_string(), self.named("log"));
        // An ordinary user's namespace knows that user as root, which the service is not to be.
        let enter = if is_root() {
            "-m"
        } else {
            "-U --preserve-credentials -m unshare -U --map-user=1000 --map-group=1000"
        };
        let words = ["nsenter", "-t", &pid].into_iter().chain(enter.split(' '));
        let words = words.chain(["sh", "-c", "exec \"$@\" 2>>\"$0\"", &log]);
        words.map(str::to_owned).collect()
    }

    fn fill(&self) {
        let mut filler = File::create(self.seen("filler")).unwrap();
        let error = loop {
            if let Err(error) = filler.write_all(&[0; 512]) {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }

    fn free(&self) {
        fs::remove_file(self.seen("filler")).unwrap();
    }

    /// The names that are on record, and how many lines are no record.
    fn records(&self) -> (Vec<String>, usize) {
        let text = fs::read_to_string(self.seen("audit")).unwrap();
        let lines = text.lines().filter(|line| !line.is_empty());
        let (whole, torn): (Vec<_>, Vec<_>) =
            lines.map(serde_json::from_str::<Value>).partition(Result::is_ok);
        let name = |record: Value| record["correlation_id"].as_str().unwrap_or_default().to_owned();
        (whole.into_iter().flatten().map(name).collect(), torn.len())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_lines_and_no_run() {
    let Some(disk) = Disk::small() else {
        return println!(
            "skipped: a_full_disk_costs_lines_and_no_run: no tmpfs can be mounted here"
        );
    };
    let (directory, audit) = (disk.named(""), disk.named("audit"));
    let settings = [
        ("TMPDIR", &*directory),
        ("CODEMODE_AUDIT_FILE", &*audit),
        ("CODEMODE_LOG_LEVEL", "DEBUG"),
    ];
    let mut stage = Stage::set_under(&disk.wrapper(), &settings).await;
    let rest = AtRest::of(&stage.sidecar).await;
    back_within_a_second("a full disk", async || {
        disk.fill();
        // So many that their records and lines can't have found room in a last page.
        for number in 0..16 {
            let (name, outcome) = stage.call("").outcome().await;
            once_and_its_own(&stage.tools, &name, &outcome);
            assert!(outcome.as_ref().is_ok_and(|answer| answer.success), "{outcome:?}");
            assert!(number < 8 || !disk.records().0.contains(&name), "the disk is not full");
        }
        disk.free();
        let took = stage.until_it_serves().await;
        let (name, _) = stage.call("").outcome().await;
        // What was half written then spoils no record of now.
        let on_record = || disk.records().0.contains(&name);
        eventually("runs are on record again", Duration::from_secs(10), on_record).await;
        assert!(disk.records().1 <= 3, "one torn line for each time that it was full");
        took
    })
    .await;
    rest.again(&stage.sidecar, "a full disk").await;
    disk.fill();
    stage.sidecar.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(stage.sidecar.wait(), Some(0), "it can't write its last line and ends well");
    stage.start_again().await;
    stage.serves().await.expect("one that was started on a full disk serves");
    disk.free();
    let left: Vec<_> =
        fs::read_dir(disk.seen("")).unwrap().flatten().map(|file| file.file_name()).collect();
    assert_eq!(left.len(), 2, "the log, the audit file and nothing else: {left:?}");
}
