//! `codemode serve`.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tracing_subscriber::filter::LevelFilter;

use super::{Stop, begin};
use crate::config::{self, Config, LogLevel, Sources};
use crate::engine::Ready;
use crate::grpc::{self, ServeError, Settings};
use crate::plan;
use crate::policy::Policy;
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
    start_log(config.log_level);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    sys::raise_open_files();
    let policy = Policy::from_config(&config).map_err(Stop::usage)?;
    let interpreter = plan::find(config.python.as_deref()).map_err(Stop::usage)?;
    grpc::main_app_resolves(&config).map_err(Stop::usage)?;
    let listener = grpc::bind(&config).map_err(Stop::usage)?;
    // Order matters: the launcher needs our privileges, and the network must not have them.
    let prepared = begin()?.prepare(&policy, &interpreter, true)?;
    grpc::drop_privileges()
        .map_err(|error| Stop::sandbox(format!("cannot give up privileges: {error}")))?;
    announce(&config, &interpreter, prepared.profile());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Stop::sandbox)?;
    runtime.block_on(async {
        let engine = prepared.attach(policy.limits, ready(&config))?;
        grpc::serve(Settings { config, policy }, engine, listener).await.map_err(stop)
    })?;
    tracing::info!("stopped");
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

fn start_log(level: LogLevel) {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error | LogLevel::Critical => LevelFilter::ERROR,
    };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).init();
}

fn announce(
    config: &Config,
    interpreter: &plan::Interpreter,
    profile: &crate::sandbox::enforced::Profile,
) {
    tracing::info!(
        address = format!("{}:{}", config.host, config.port),
        tls = config.tls.is_some(),
        key = config.api_key.is_some(),
        main_app = config.main_app_grpc_target,
        python = interpreter.version_text(),
        privileged_launcher = profile.privileged,
        "codemode {} serving",
        env!("CARGO_PKG_VERSION"),
    );
    for wall in profile.walls.iter().filter(|wall| !wall.standing) {
        tracing::warn!(
            wall = wall.wall.name(),
            instead = wall.how,
            fix = wall.fix.as_deref().unwrap_or_default(),
            "wall absent"
        );
    }
}
