//! What was measured on: figures without it say nothing.

use std::fs;

use serde::Serialize;

use crate::plan::{Interpreter, host};

/// The machine and the build, as they were when measuring began.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Machine {
    pub kernel: String,
    pub cpu: String,
    /// That this process may use.
    pub cpus: usize,
    pub memory_mib: u64,
    pub cgroups: String,
    /// Whether codemode ran as root: then each run has a host id of its own.
    pub root: bool,
    /// Mean number of processes that ran or wanted to, over the last minute.
    pub load_1min: f64,
    pub codemode: &'static str,
    pub commit: Option<&'static str>,
    /// `release` or `debug`.
    pub build: &'static str,
    pub interpreter: String,
}

impl Machine {
    /// Looks at this one.
    #[must_use]
    pub fn look(interpreter: &Interpreter) -> Self {
        let facts = host::facts();
        let fact = |name: &str| {
            let found = facts.iter().find(|fact| fact.name == name);
            found.map_or_else(|| "unknown".to_owned(), |fact| fact.value.clone())
        };
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kilobytes = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Self {
            kernel: fact("kernel"),
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".into()),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kilobytes.unwrap_or_default() / 1024,
            cgroups: fact("cgroup hierarchies"),
            root: nix::unistd::geteuid().is_root(),
            load_1min: read("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or_default(),
            codemode: env!("CARGO_PKG_VERSION"),
            commit: option_env!("CODEMODE_COMMIT").filter(|commit| !commit.is_empty()),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            interpreter: format!(
                "{} {} at {}",
                interpreter.implementation,
                interpreter.version_text(),
                interpreter.executable.display()
            ),
        }
    }

    /// In words: the machine, and what ran on it.
    #[must_use]
    pub fn lines(&self) -> [String; 2] {
        let plural = if self.cpus == 1 { "" } else { "s" };
        let user = if self.root { "root" } else { "an ordinary user" };
        let commit = self.commit.map(|commit| format!(" ({commit:.10})")).unwrap_or_default();
        [
            format!(
                "{}, {} processor{plural}, {} MiB, Linux {}, cgroups {}, load {} before",
                self.cpu, self.cpus, self.memory_mib, self.kernel, self.cgroups, self.load_1min
            ),
            format!(
                "codemode {}{commit}, {} build, as {user}, {}",
                self.codemode, self.build, self.interpreter
            ),
        ]
    }
}

/// So many runs may wait here at once without a shortage of memory, at 8 MiB each.
#[must_use]
pub fn room() -> usize {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = field(&text, "MemAvailable");
    let kilobytes = available.and_then(|text| text.split(' ').next()?.parse::<usize>().ok());
    kilobytes.map_or(usize::MAX, |kilobytes| (kilobytes / 1024 / 8).max(1))
}

/// The value of the first line `name: value`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "model\t\t: 1\nmodel name\t: A B\nmodel name\t: C\n";
        assert_eq!(field(text, "model name").as_deref(), Some("A B"));
        assert_eq!(field(text, "name"), None);
    }
}
