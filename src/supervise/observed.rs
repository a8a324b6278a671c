//! What is asked for, and what is seen of it.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::frames::Done;
use super::output::{Captured, Sink};
use super::proxy::ProxyStats;
use super::tools::ToolSet;
use crate::policy::{Limits, Wall};
use crate::sandbox::enforced::Refusal;
use crate::sandbox::messages::{End, Readings};

/// One program to run.
pub struct Request {
    /// The source.
    pub code: String,
    /// Its name in tracebacks.
    pub filename: String,
    /// `sys.argv`.
    pub argv: Vec<String>,
    /// `config` as the code sees it.
    pub config: Box<RawValue>,
    /// `context` as the code sees it.
    pub context: Box<RawValue>,
    /// Tools on its list.
    pub tools: ToolSet,
    /// Its limits.
    pub limits: Limits,
    /// Walls without which it must not run, beside those of the policy.
    pub required: Vec<Wall>,
    /// What its standard input is; empty if `None`.
    pub stdin: Option<OwnedFd>,
    /// Where its standard output goes.
    pub stdout: Sink,
    /// Where its standard error goes.
    pub stderr: Sink,
}

impl Request {
    /// An empty program, to see which walls its sandbox has.
    #[must_use]
    pub fn trial(limits: Limits) -> Self {
        Self {
            code: String::new(),
            filename: "<trial>".to_owned(),
            argv: Vec::new(),
            config: Box::<RawValue>::default(),
            context: Box::<RawValue>::default(),
            tools: ToolSet::default(),
            limits,
            required: Vec::new(),
            stdin: None,
            stdout: Sink::Keep,
            stderr: Sink::Keep,
        }
    }
}

/// Why we ended a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It ran out of time.
    Deadline,
    /// Nobody waits for it any more.
    Cancelled,
    /// Its guest talked nonsense on the control socket.
    Nonsense(String),
}

/// Everything seen of a run.
#[derive(Debug, Default)]
pub struct Observed {
    /// Why it was refused, or could not be built.
    pub refusal: Option<Refusal>,
    /// A fault of ours, in words.
    pub fault: Option<String>,
    /// Why we ended it, if we did.
    pub stopped: Option<Stopped>,
    /// Whether its interpreter was forked from a warm one; `None` if it got no sandbox.
    pub started_warm: Option<bool>,
    /// Whether the program began to run, as the guest says.
    pub begun: bool,
    /// The guest's own word on how the code ended.
    pub done: Option<Done>,
    /// Readings taken when the guest said it met a limit.
    pub look: Option<Readings>,
    /// The launcher's account.
    pub end: Option<Box<End>>,
    /// Walls that the plan allows to be missing, and were.
    pub missing: Vec<(Wall, i32)>,
    /// Standard output.
    pub stdout: Captured,
    /// Standard error.
    pub stderr: Captured,
    /// From the request to the moment the code was handed over.
    pub start: Duration,
    /// From then to the moment every process was gone.
    pub wall: Duration,
    /// Of that, from the end of the program to the moment every process was gone.
    pub teardown: Duration,
    /// Time during which at least one tool call was under way.
    pub tool_wait: Duration,
    /// Tool calls passed on.
    pub tool_calls: u64,
    /// What the proxy saw.
    pub proxy: Option<Arc<ProxyStats>>,
}
