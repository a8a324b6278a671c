//! What is left of a run when its answer has come: nothing.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Witness;
use crate::harness::processes::Identity;
use crate::prove::finding::{Finding, Seen};
use crate::prove::patience::Patience;

/// So long a run may take to be taken down once its answer has come.
const PATIENCE: Duration = Duration::from_secs(5);
/// File systems that are a run's own.
const OURS: [&str; 3] = ["scratch", "root", "aside"];

/// What was there before a run.
pub struct Left {
    directory: PathBuf,
    files: HashSet<PathBuf>,
    keeps_groups: bool,
    patience: Duration,
}

impl Left {
    /// Remembers what lies in the run's directory. A service keeps empty control groups for its next run
    /// (`keeps_groups`).
    #[must_use]
    pub fn before(directory: &Path, keeps_groups: bool, patience: Patience) -> Self {
        let (files, patience) = (list(directory), patience.times(PATIENCE));
        Self { directory: directory.to_owned(), files, keeps_groups, patience }
    }

    /// Waits until nothing is left, and says so, or what is.
    pub async fn look(&self, witness: &mut Witness) -> Finding {
        let begun = Instant::now();
        loop {
            witness.look(&[]);
            let left = self.all(witness);
            if left.is_empty() || begun.elapsed() > self.patience {
                witness.living().into_iter().for_each(Identity::kill);
                let nothing = format!(
                    "no process, group, mount or file ({} processes were seen)",
                    witness.seen.len()
                );
                return Finding::named("left", Seen::unless(left, nothing));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn all(&self, witness: &Witness) -> Vec<String> {
        let process = |identity: Identity| {
            let name = super::witness::name(identity.pid).unwrap_or_default();
            format!("process {} ({name:?}) lives", identity.pid)
        };
        let groups = witness.groups.iter().filter(|group| group.is_left(self.keeps_groups));
        let new = list(&self.directory).into_iter().filter(|path| !self.files.contains(path));
        witness
            .living()
            .into_iter()
            .map(process)
            .chain(
                groups.map(|group| format!("control group {} has processes", group.path.display())),
            )
            .chain(mounts(&self.directory))
            .chain(new.map(|path| format!("{} has appeared", path.display())))
            .collect()
    }
}

fn list(directory: &Path) -> HashSet<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Mounts in our own namespace that belong to none but a run.
fn mounts(directory: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let of_a_run = |line: &&str| {
        let source = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').nth(1));
        let point = line.split(' ').nth(4).unwrap_or_default();
        let ours = source.is_some_and(|source| OURS.contains(&source)) && point != "/";
        ours || Path::new(point).starts_with(directory)
    };
    table.lines().filter(of_a_run).map(|line| format!("mount {line:?} is there")).collect()
}
