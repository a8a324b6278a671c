//! `codemode serve`.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::{Stop, begin};
use crate::config::{self, Config, Sources};
use crate::engine::{Engine, EngineError, LaunchError, Ready};
use crate::grpc::{self, Listeners, ServeError, Settings, StopSignals};
use crate::observe::{Log, Observer, Records};
use crate::plan;
use crate::policy::{Limits, Policy};
use crate::report::{Started, Verdict};
use crate::supervise::Request;
use crate::sys;

/// Serve the Codemode executor over gRPC
///
/// Settings come from flags, then the environment (CODEMODE_API_KEY, MAIN_APP_GRPC_TARGET, ...),
/// then the file. Mistakes in them exit with 2.
#[derive(Args)]
pub(super) struct ServeArgs {
    /// Address to listen on [default: 0.0.0.0]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Port to listen on [default: 8001]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Configuration file [default: $CODEMODE_SIDECAR_CONFIG, codemode-sidecar.yaml, sidecar.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Let anyone who can reach the port run programs, when there is no CODEMODE_API_KEY
    #[arg(long)]
    allow_unauthenticated: bool,
}

pub(super) fn main(args: &ServeArgs) -> Result<ExitCode, Stop> {
    let config = load(args)?;
    let log = Log::start(config.log_level, config.log_format);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    sys::raise_open_files();
    let policy = Policy::from_config(&config).map_err(Stop::usage)?;
    let interpreter = plan::find(config.python.as_deref()).map_err(Stop::usage)?;
    grpc::main_app_resolves(&config).map_err(Stop::usage)?;
    let listeners = Listeners {
        calls: grpc::bind(&config).map_err(Stop::usage)?,
        metrics: grpc::bind_metrics(&config).map_err(Stop::usage)?,
    };
    let records = records(&config, &log)?;
    // Order matters: the launcher needs our privileges, and the network must not have them.
    let prepared = match begin()?.prepare(&policy, &interpreter, true) {
        Ok(prepared) => {
            prepared.make_way().map_err(Stop::sandbox)?;
            Ok(prepared)
        }
        Err(EngineError::Launch(LaunchError::Refused(refusal))) if refusal.wall.is_some() => {
            // It is up to whoever starts us to cure that. Until then every caller is told.
            tracing::error!("every run will be refused: {refusal}");
            Err(refusal)
        }
        Err(error) => return Err(error.into()),
    };
    grpc::drop_privileges()
        .map_err(|error| Stop::sandbox(format!("cannot give up privileges: {error}")))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Stop::sandbox)?;
    runtime.block_on(async {
        // Before there are sandboxes, which must not be left by a service that has no time to end.
        let signals = StopSignals::heed().map_err(Stop::sandbox)?;
        // Only now: threads that were started before would have kept the privileges.
        let observer = Observer::start(&config, &log, records).map_err(Stop::usage)?;
        let engine = match prepared {
            Ok(prepared) => prepared.attach(policy.limits, ready(&config))?,
            Err(refusal) => Engine::refusing(refusal),
        };
        announce(&config, &interpreter, policy.limits, &engine, &observer).await;
        let settings = Settings { config, policy, observer: Arc::clone(&observer) };
        let served = grpc::serve(settings, engine, listeners, signals).await.map_err(stop);
        if served.is_ok() {
            tracing::info!("stopped");
        }
        let _ = tokio::task::spawn_blocking(move || observer.finish()).await;
        served
    })?;
    Ok(ExitCode::SUCCESS)
}

fn ready(config: &Config) -> Ready {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let limits = &config.limits;
    Ready { least: count(limits.ready_least), most: count(limits.ready_most) }
}

fn stop(error: ServeError) -> Stop {
    match error {
        ServeError::LauncherGone | ServeError::Io(_) => Stop::sandbox(error),
        error => Stop::usage(error),
    }
}

fn load(args: &ServeArgs) -> Result<Config, Stop> {
    let environment = config::process_environment();
    let cwd = env::current_dir().map_err(Stop::usage)?;
    config::load(&Sources {
        file: args.config.as_deref(),
        env: &environment,
        cwd: &cwd,
        host: args.host.as_deref(),
        port: args.port,
        allow_unauthenticated: args.allow_unauthenticated,
    })
    .map_err(Stop::usage)
}

/// Opened while we may, and belonging to whom we become.
fn records(config: &Config, log: &Log) -> Result<Option<Records>, Stop> {
    let Some(audit) = &config.audit else { return Ok(None) };
    let owner = grpc::account().map_err(Stop::sandbox)?;
    Records::open(audit, owner, log).map(Some).map_err(Stop::usage)
}

/// Says what is served and what is missing. What a run gets is known once one was made.
async fn announce(
    config: &Config,
    interpreter: &plan::Interpreter,
    limits: Limits,
    engine: &Engine,
    observer: &Observer,
) {
    let trial = match engine.refusal() {
        Some(_) => None,
        None => Some(engine.run(Request::trial(limits), std::future::pending()).await),
    };
    observer.walls(trial.as_ref().map_or(&engine.profile().walls, |trial| &trial.walls));
    tracing::info!(
        address = format!("{}:{}", config.host, config.port),
        tls = config.tls.is_some(),
        key = config.api_key.is_some(),
        main_app = config.main_app_grpc_target,
        python = interpreter.version_text(),
        start = config.start.as_str(),
        preload = (!config.preload.is_empty()).then(|| config.preload.join(",")),
        privileged_launcher = engine.profile().privileged,
        metrics = config.metrics.as_ref().map(|at| format!("{}:{}", at.host, at.port)),
        audit = config.audit.is_some(),
        traces = config.telemetry.as_ref().map(|telemetry| &*telemetry.otlp_endpoint),
        "codemode {} serving",
        env!("CARGO_PKG_VERSION"),
    );
    let Some(trial) = trial else { return };
    if config.start == config::Start::Warm && trial.start == Some(Started::Fresh) {
        tracing::warn!(
            fix = "let clone3 and setns through its profile, or set start: fresh",
            "runs start fresh here: they can't be forked from a warm interpreter in this container"
        );
    }
    if trial.verdict != Verdict::Ok {
        tracing::error!(verdict = %trial.verdict, evidence = trial.evidence, "a trial run failed");
    }
    for wall in trial.walls.iter().filter(|wall| !wall.standing) {
        tracing::warn!(
            wall = wall.wall.name(),
            instead = wall.how,
            fix = wall.fix.as_deref().unwrap_or_default(),
            "wall absent"
        );
    }
}
