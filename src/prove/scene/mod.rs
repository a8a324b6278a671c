//! What a case may aim at: files with secrets, a directory, listeners and a victim on prove's own machine.
//!
//! Each run of a case has a scene of its own, so that what is seen there is its doing.

mod files;
mod listeners;
pub mod victim;

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::finding::Finding;
use super::header::Observer;
use super::secrets::Secret;
use super::target::Names;
use files::Files;
use listeners::Listeners;
use victim::Victim;

/// The name that the proxy lets through: of this machine, so that nothing further away is asked for.
pub const LISTED: &str = "localhost";

/// See the module.
pub struct Scene {
    /// Whatever belongs to this run lies below it.
    pub directory: PathBuf,
    /// Everything that must not come out.
    pub secrets: Vec<Secret>,
    files: Files,
    listeners: Listeners,
    victim: Victim,
}

impl Drop for Scene {
    fn drop(&mut self) {
        // What was kept may be large. The rest of it goes with the proof.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Scene {
    /// Sets one up in a new directory `name` below `place`.
    ///
    /// # Errors
    /// For want of files, ports or processes.
    pub fn set(place: &Path, name: &str) -> io::Result<Self> {
        let directory = place.join(name);
        std::fs::create_dir(&directory)?;
        let [in_file, in_private, in_victim] = [
            "of a file of the host",
            "of a file of the host that is its owner's alone",
            "of another process",
        ]
        .map(Secret::new);
        let (in_file, in_private, in_victim) = (in_file?, in_private?, in_victim?);
        let files = Files::make(&directory, &in_file, &in_private)?;
        let listeners = Listeners::open(&directory)?;
        let victim = Victim::start(&in_victim)?;
        Ok(Self {
            directory,
            secrets: vec![in_file, in_private, in_victim],
            files,
            listeners,
            victim,
        })
    }

    /// What the program is told of it.
    #[must_use]
    pub fn aim(&self, names: &Names) -> Map<String, Value> {
        let ours = json!({
            "file": self.files.open,
            "private": self.files.private,
            "directory": self.files.directory,
            "victim": self.victim.pid(),
            "marker": names.marker,
            "allowed": LISTED,
            "refused": "refused.invalid",
        });
        let mut aim = self.listeners.aim();
        aim.extend(ours.as_object().cloned().unwrap_or_default());
        aim
    }

    /// What became of it: the observers that are always there, in this order.
    pub fn look(&mut self) -> Vec<Finding> {
        vec![
            Finding::of(Observer::Unwritten, self.files.look()),
            Finding::of(Observer::Unheard, self.listeners.look()),
            Finding::of(Observer::Unharmed, self.victim.look()),
        ]
    }

    /// Whether there is IPv6 on this machine's loopback interface.
    #[must_use]
    pub fn has_ipv6(&self) -> bool {
        self.listeners.has_ipv6()
    }
}
