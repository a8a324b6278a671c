//! `codemode doctor`: what this host offers, and what a run would get.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::output::say;
use super::start::{StartName, start};
use super::tier::TierArgs;
use super::{Stop, begin, given, output};
use crate::config;
use crate::engine::Ready;
use crate::plan;
use crate::plan::host::{self, Fact};
use crate::plan::off;
use crate::policy::domains::DomainPolicy;
use crate::policy::{Execution, Limits, NetworkMode, Policy, Start, WallPolicy};
use crate::report::{Report, Started, Verdict};
use crate::sandbox::enforced::Standing;
use crate::supervise::Request;

/// Show what this host offers and which walls a run would get
///
/// Builds a sandbox to find out. Exits with 0 only if every required wall can stand.
#[derive(Args)]
pub(super) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Python interpreter: a path, or a name on PATH [default: $CODEMODE_PYTHON, else python3]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Where interpreters come from [default: $CODEMODE_START, else warm, as for serve]
    #[arg(long, value_enum, value_name = "START")]
    start: Option<StartName>,
    /// Module that a warm interpreter loads beside the usual ones (repeatable, or with commas)
    /// [default: $CODEMODE_PRELOAD]
    #[arg(long, value_name = "NAME")]
    preload: Vec<String>,
    #[command(flatten)]
    tier: TierArgs,
}

#[derive(Serialize)]
struct Diagnosis {
    /// Whether a run would start.
    ok: bool,
    /// What the host says of itself.
    host: Vec<Fact>,
    /// The interpreter, or why there is none.
    interpreter: String,
    /// Where interpreters of runs are to come from: `warm` or `fresh`.
    start: &'static str,
    /// Modules that a warm one has loaded.
    preload: Vec<String>,
    /// Where that of a sandbox built just now came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<Started>,
    /// Every wall, as a sandbox built just now had it.
    walls: Vec<Wall>,
    /// Why no run would start.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

#[derive(Serialize)]
struct Wall {
    required: bool,
    purpose: &'static str,
    #[serde(flatten)]
    standing: Standing,
}

pub(super) fn main(args: &DoctorArgs) -> Result<ExitCode, Stop> {
    let walls = WallPolicy::of_tier(args.tier.tier()?);
    let start = start(args.start, &args.preload, config::Start::Warm)?;
    let diagnosis = diagnose(args, &walls, &start);
    if args.json {
        output::json(&diagnosis)?;
    } else {
        print(&diagnosis);
    }
    Ok(if diagnosis.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn diagnose(args: &DoctorArgs, policy: &WallPolicy, start: &Start) -> Diagnosis {
    let mut diagnosis = Diagnosis {
        ok: false,
        host: host::facts(),
        interpreter: String::new(),
        start: start.name(),
        preload: start.preload().to_vec(),
        started: None,
        walls: Vec::new(),
        refused: None,
    };
    match plan::find(given(args.python.as_deref(), "CODEMODE_PYTHON").as_deref()) {
        Ok(found) => {
            let executable = found.executable.display();
            diagnosis.interpreter =
                format!("{} {} at {executable}", found.implementation, found.version_text());
            for path in found.left_out() {
                diagnosis.interpreter += &format!("; not shown inside: {}", path.display());
            }
            match trial(&found, policy, start) {
                Ok(report) => {
                    diagnosis.ok = report.verdict == Verdict::Ok;
                    diagnosis.refused = (!diagnosis.ok).then_some(report.evidence);
                    diagnosis.started = report.start;
                    diagnosis.walls = walls(report.walls, policy);
                }
                Err(stop) => diagnosis.refused = Some(stop.message),
            }
        }
        Err(error) => {
            diagnosis.interpreter = "none".to_owned();
            diagnosis.refused = Some(error.to_string());
        }
    }
    diagnosis
}

fn walls(standing: Vec<Standing>, policy: &WallPolicy) -> Vec<Wall> {
    standing
        .into_iter()
        .map(|standing| Wall {
            required: policy.required.contains(&standing.wall),
            purpose: standing.wall.purpose(),
            standing,
        })
        .collect()
}

/// Runs an empty program, so that what is said was done.
fn trial(
    interpreter: &plan::Interpreter,
    walls: &WallPolicy,
    start: &Start,
) -> Result<Report, Stop> {
    let policy = Policy {
        limits: Limits::default(),
        network: NetworkMode::None,
        domains: DomainPolicy::default(),
        execution: Execution::Closed,
        start: start.clone(),
        workspace: None,
        outputs: None,
        walls: walls.clone(),
    };
    let prepared = begin()?.prepare(&policy, interpreter, false)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Stop::sandbox)?;
    runtime.block_on(async {
        let engine = prepared.attach(policy.limits, Ready::default())?;
        Ok(engine.run(Request::trial(policy.limits), std::future::pending()).await)
    })
}

fn print(diagnosis: &Diagnosis) {
    if off::POSSIBLE {
        say!("walls-off: a build for tests, which can leave walls down\n");
    }
    say!("Host");
    for fact in &diagnosis.host {
        say!("  {:<48} {}", fact.name, fact.value);
    }
    say!("  {:<48} {}", "python", diagnosis.interpreter);
    let but = match diagnosis.started.map(Started::name) {
        Some(name) if name != diagnosis.start => format!(", but the sandbox built now was {name}"),
        _ => String::new(),
    };
    say!("  {:<48} {}{but}", "start of a run", diagnosis.start);
    if !diagnosis.preload.is_empty() {
        say!("  {:<48} {}", "modules loaded before", diagnosis.preload.join(" "));
    }
    if !diagnosis.walls.is_empty() {
        say!("\nWalls of a run");
    }
    for wall in &diagnosis.walls {
        let standing = &wall.standing;
        let state = match (standing.standing, wall.required) {
            (true, _) => "stands",
            (false, true) => "MISSING",
            (false, false) => "absent",
        };
        say!("  {:<18} {:<8} {}", standing.wall.name(), state, standing.how);
        if let Some(fix) = standing.fix.as_ref().filter(|_| !standing.standing) {
            say!("  {:<18} {:<8} fix: {fix}", "", "");
        }
    }
    match &diagnosis.refused {
        None => say!("\nA run would start: every required wall stands."),
        Some(why) => say!("\nNo run would start: {why}"),
    }
}
