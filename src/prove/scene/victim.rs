//! A process of prove's user that runs must leave alone: it holds a secret, and waits.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::{fs, hint};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::prove::finding::Seen;
use crate::prove::secrets::Secret;

/// The hidden command that makes the binary a victim.
pub const VICTIM_COMMAND: &str = "__prove_victim";
/// Where its secret stands.
const VARIABLE: &str = "CODEMODE_PROVE_VICTIM";
const UNCHANGED: &str = "unchanged";
/// How long it may take to answer, in milliseconds.
const PATIENCE: u16 = 5_000;

/// Holds the secret in environment and memory, and says for each line that it reads whether it still does.
#[must_use]
pub fn main() -> ExitCode {
    let kept = std::env::var(VARIABLE).unwrap_or_default();
    let held = hint::black_box(kept.clone());
    println!("ready");
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let now = std::env::var(VARIABLE).unwrap_or_default();
        let same = line == hint::black_box(&held).as_str() && line == now && line == kept;
        println!("{}", if same { UNCHANGED } else { "changed" });
    }
    ExitCode::SUCCESS
}

/// A started victim; ended when dropped.
pub struct Victim {
    process: Child,
    /// It ends with this.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    secret: String,
    before: Result<State, String>,
}

/// What of a process others could change.
#[derive(PartialEq, Eq, Debug)]
struct State {
    limits: String,
    /// Priority, nice value, policy, processors.
    schedule: Vec<String>,
    oom_score_adj: String,
}

impl Victim {
    /// Starts one with `secret`.
    ///
    /// # Errors
    /// If it can't be started or does not speak.
    pub fn start(secret: &Secret) -> io::Result<Self> {
        let mut process = Command::new("/proc/self/exe")
            .arg(VICTIM_COMMAND)
            .env_clear()
            .env(VARIABLE, &secret.value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let silent = || io::Error::other("the victim has no pipes");
        let input = process.stdin.take().ok_or_else(silent)?;
        let mut output = BufReader::new(process.stdout.take().ok_or_else(silent)?);
        output.read_line(&mut String::new())?;
        let before = state(process.id());
        Ok(Self { process, input: Some(input), output, secret: secret.value.clone(), before })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether it is as it was.
    pub fn look(&mut self) -> Seen {
        match self.process.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Seen::Wrong(format!("the victim has ended: {status}")),
            Err(error) => return Seen::Nothing(format!("the victim can't be waited for: {error}")),
        }
        let after = state(self.pid());
        let (before, after) = match (&self.before, &after) {
            (Ok(before), Ok(after)) => (before, after),
            (Err(why), _) | (_, Err(why)) => return Seen::Nothing(why.clone()),
        };
        let mut wrong = Vec::new();
        if before != after {
            wrong.push(format!("the victim was {before:?}, and is {after:?}"));
        }
        let (letter, tracer) = stopped(self.pid());
        if matches!(letter, 'T' | 't') || tracer != "0" {
            // One that is stopped would not answer.
            return Seen::Wrong(format!("the victim's state is {letter}, its tracer {tracer}"));
        }
        match self.ask() {
            Ok(answer) if answer == UNCHANGED => {}
            Ok(answer) => wrong.push(format!("the victim finds its memory {answer:?}")),
            Err(error) => wrong.push(format!("the victim does not answer: {error}")),
        }
        Seen::unless(wrong, "the victim lives, with its limits, priority and memory as they were")
    }

    fn ask(&mut self) -> io::Result<String> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(input, "{}", self.secret)?;
        let mut ready = [PollFd::new(self.output.get_ref().as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::from(PATIENCE))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may be stopped, so it is not asked.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn stopped(pid: u32) -> (char, String) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let letter = field("State:").and_then(|state| state.chars().next()).unwrap_or('?');
    (letter, field("TracerPid:").unwrap_or("?").to_owned())
}

fn state(pid: u32) -> Result<State, String> {
    let read = |file: &str| {
        fs::read_to_string(format!("/proc/{pid}/{file}"))
            .map_err(|error| format!("/proc/{pid}/{file} can't be read: {error}"))
    };
    let status = read("status")?;
    let stat = read("stat")?;
    // From the state on; the name in front may hold anything.
    let fields: Vec<_> =
        stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
    // Priority, nice value, real-time priority and policy are the 18th, 19th, 40th and 41st field of
    // proc_pid_stat(5), the state the 3rd.
    let schedule = [18, 19, 40, 41].into_iter().filter_map(|field: usize| fields.get(field - 3));
    let processors = status.lines().filter(|line| line.starts_with("Cpus_allowed:"));
    Ok(State {
        limits: read("limits")?,
        schedule: schedule.map(ToString::to_string).chain(processors.map(str::to_owned)).collect(),
        oom_score_adj: read("oom_score_adj")?.trim().to_owned(),
    })
}
