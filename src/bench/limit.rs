//! What this machine's kernel takes for the bare minimum of a sandbox, without anything of ours in it:
//! a small process that is born in new namespaces, ends, and is reaped. No sandbox is quicker.
//!
//! It is measured in processes of their own with one thread each (`clone` is sound only there), alone and
//! on every processor at once.

use std::io::Write as _;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::stats::{Failed, Times};
use super::{BenchError, Progress};
use crate::harness::service::inherited;
use crate::sys;

/// The hidden command that makes the binary measure; the kind and the milliseconds follow.
pub const LIMIT_COMMAND: &str = "__bench_limit";

/// What is made and ended, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Bare {
    /// A process in all seven new namespaces.
    SevenNamespaces,
    /// The same without a new network namespace.
    WithoutNetwork,
    /// A process in no new namespace.
    Fork,
}

impl Bare {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::SevenNamespaces => "clone into seven namespaces",
            Self::WithoutNetwork => "the same, but the network's",
            Self::Fork => "fork",
        }
    }

    fn flags(self) -> i32 {
        let but_network = libc::CLONE_NEWUSER
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWCGROUP;
        match self {
            Self::SevenNamespaces => but_network | libc::CLONE_NEWNET,
            Self::WithoutNetwork => but_network,
            Self::Fork => 0,
        }
    }
}

/// What one of them takes here, from its start until it is reaped.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Limit {
    pub bare: Bare,
    /// One after the other, and nothing else.
    #[serde(flatten)]
    pub times: Option<Times>,
    /// With one such process at work on each processor.
    pub per_s: Option<f64>,
    pub processors: usize,
    #[serde(flatten)]
    pub failed: Failed,
}

/// What a process that measured says.
#[derive(Default, Deserialize, Serialize)]
struct Said {
    /// In microseconds, with fractions.
    took_us: Vec<f64>,
    /// From the first to the last.
    seconds: f64,
    failure: Option<String>,
}

pub(super) async fn measure(
    length: Duration,
    progress: Progress<'_>,
) -> Result<Vec<Limit>, BenchError> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut rows = Vec::new();
    for bare in Bare::value_variants().iter().copied() {
        progress(&format!("limit: {}", bare.words()));
        let mut failed = Failed::default();
        let alone = at_once(bare, length, 1, &mut failed).await?;
        let together = at_once(bare, length, processors, &mut failed).await?;
        let took = alone.iter().flat_map(|said| &said.took_us);
        let rates = together.iter().filter(|said| said.seconds > 0.0);
        let rates: Vec<f64> = rates.map(|said| said.took_us.len() as f64 / said.seconds).collect();
        rows.push(Limit {
            bare,
            times: Times::of(took.map(|took| Duration::from_secs_f64(took.max(0.0) / 1e6))),
            per_s: (!rates.is_empty()).then(|| rates.iter().sum()),
            processors,
            failed,
        });
    }
    Ok(rows)
}

/// So many processes measure at the same time; what each says.
async fn at_once(
    bare: Bare,
    length: Duration,
    count: usize,
    failed: &mut Failed,
) -> Result<Vec<Said>, BenchError> {
    let failure = |error| BenchError::Io("the limit of this machine can't be measured", error);
    let mut children = Vec::new();
    for _ in 0..count {
        let name = bare.to_possible_value().map(|value| value.get_name().to_owned());
        let mut command = Command::new("/proc/self/exe");
        command.arg(LIMIT_COMMAND).args(name).arg(length.as_millis().to_string());
        command.env_clear().envs(inherited()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        children.push(command.spawn().map_err(failure)?);
    }
    let mut all = Vec::new();
    for child in children {
        let output = child.wait_with_output().await.map_err(failure)?;
        let said: Said = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| Said {
            failure: Some(format!("{}: {error}", output.status)),
            ..Said::default()
        });
        if let Some(why) = &said.failure {
            failed.add(why.as_str());
        }
        all.push(said);
    }
    Ok(all)
}

/// Measures in this process, which has one thread, and prints what it took.
#[must_use]
pub fn main(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let words: Vec<_> = arguments.filter_map(|word| word.into_string().ok()).collect();
    let asked = match words.as_slice() {
        [bare, milliseconds] => Bare::from_str(bare, false).ok().zip(milliseconds.parse().ok()),
        _ => None,
    };
    let Some((bare, milliseconds)) = asked else {
        eprintln!("codemode: this command is for `codemode bench` alone, which starts it itself");
        return ExitCode::from(2);
    };
    let said = repeat(bare, Duration::from_millis(milliseconds));
    let text = serde_json::to_string(&said).unwrap_or_default();
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn repeat(bare: Bare, length: Duration) -> Said {
    let mut said = Said::default();
    let begun = Instant::now();
    while begun.elapsed() < length {
        let from = Instant::now();
        if let Err(errno) = one(bare) {
            said.failure = Some(format!("{}: {}", bare.words(), errno.desc()));
            break;
        }
        said.took_us.push(from.elapsed().as_nanos() as f64 / 1e3);
    }
    said.seconds = begun.elapsed().as_secs_f64();
    said
}

/// From its start until it is reaped.
fn one(bare: Bare) -> nix::Result<()> {
    if sys::clone_process(bare.flags() as u64, sys::Parentage::Own, None)?.is_none() {
        sys::exit_now(0);
    }
    loop {
        match sys::wait_any() {
            Err(Errno::EINTR) => {}
            other => return other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_differs_from_the_next_by_what_it_says() {
        let [seven, without, fork] = [Bare::SevenNamespaces, Bare::WithoutNetwork, Bare::Fork];
        assert_eq!(seven.flags() ^ without.flags(), libc::CLONE_NEWNET);
        assert_eq!(without.flags().count_ones(), 6);
        assert_eq!(fork.flags(), 0);
    }
}
