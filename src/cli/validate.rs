//! `codemode validate`: what is wrong with a configuration file, all of it, and what would be used.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use super::output::say;
use super::{Stop, code, output};
use crate::config::{self, Fault, FileKind, Origin, Sources, Used};

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// The sidecar's file, as `serve` reads it
    Sidecar,
    /// An application's client
    Client,
    /// A whole project, as older applications write it
    Project,
}

impl From<Kind> for FileKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Sidecar => Self::Sidecar,
            Kind::Client => Self::Client,
            Kind::Project => Self::Project,
        }
    }
}

/// Check a configuration file and show what would be used
///
/// A sidecar's file is checked as `serve` would read it here: with the variables that are set, and
/// with the certificates and directories that it names. Exits with 2 if anything is wrong.
#[derive(Args)]
pub(super) struct ValidateArgs {
    /// The file [default: the one `serve` would read, else codemode.yaml]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What the file is for [default: what its keys say]
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    kind: &'static str,
    file: String,
    faults: Vec<Shown>,
    warnings: Vec<String>,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct Shown {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

#[derive(Serialize)]
struct Setting {
    value: Value,
    #[serde(flatten)]
    from: Origin,
}

pub(super) fn main(args: &ValidateArgs) -> Result<ExitCode, Stop> {
    let report = report(args)?;
    if args.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(code::USAGE) })
}

fn report(args: &ValidateArgs) -> Result<Report, Stop> {
    let environment = config::process_environment();
    let cwd = env::current_dir().map_err(Stop::usage)?;
    let sources = Sources {
        file: args.config.as_deref(),
        env: &environment,
        cwd: &cwd,
        host: None,
        port: None,
        allow_unauthenticated: false,
    };
    let path = args
        .config
        .clone()
        .or_else(|| config::file(&sources))
        .or_else(|| Some(PathBuf::from("codemode.yaml")).filter(|path| path.exists()));
    let path = path.map(|path| path.strip_prefix(&cwd).map_or(path.clone(), Path::to_owned));
    let Some(path) = path else {
        let text = "there is no configuration file here; name one with --config, or make one with `codemode init`";
        return Err(Stop::usage(text));
    };
    let inspected = config::inspect(&cwd.join(&path), args.kind.map(FileKind::from), &environment);
    let kind = inspected.kind;
    if kind != FileKind::Sidecar {
        return Ok(made(kind, &path, &inspected.faults, Vec::new(), inspected.settings));
    }
    let examined = config::examine(&Sources { file: Some(&path), ..sources });
    let (faults, warnings) = match &examined.config {
        Ok(config) => (&[][..], config.warnings.clone()),
        Err(error) => (error.faults(), Vec::new()),
    };
    Ok(made(kind, &path, faults, warnings, examined.settings))
}

fn made(
    kind: FileKind,
    path: &Path,
    faults: &[Fault],
    warnings: Vec<String>,
    settings: Vec<Used>,
) -> Report {
    let shown = |fault: &Fault| Shown {
        message: fault.to_string(),
        key: fault.origin().map(|origin| origin.key.clone()),
        line: fault.place().map(|(line, _)| line),
        column: fault.place().map(|(_, column)| column),
    };
    Report {
        ok: faults.is_empty(),
        kind: kind.as_str(),
        file: path.display().to_string(),
        faults: faults.iter().map(shown).collect(),
        warnings,
        settings: settings
            .into_iter()
            .map(|used| Setting { value: used.value, from: used.origin })
            .collect(),
    }
}

/// Faults and warnings are for people who look for them: standard error.
fn print(report: &Report) {
    for warning in &report.warnings {
        eprintln!("codemode: warning: {warning}");
    }
    for fault in &report.faults {
        eprintln!("codemode: {}", fault.message);
    }
    let (file, kind) = (&report.file, report.kind);
    if !report.ok {
        let count = report.faults.len();
        eprintln!("codemode: {file}: {count} fault{}", if count == 1 { "" } else { "s" });
        return;
    }
    say!("{file}: a valid {kind} configuration");
    for setting in report.settings.iter().filter(|setting| !setting.value.is_null()) {
        let value = match &setting.value {
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        say!("  {:<40} {:<24} {}", setting.from.key, value, source(&setting.from));
    }
}

fn source(origin: &Origin) -> String {
    match &origin.source {
        config::Source::Default => "default".to_owned(),
        config::Source::Variable(name) => (*name).to_owned(),
        config::Source::Flag(flag) => (*flag).to_owned(),
        config::Source::File { line, .. } => format!("line {line}"),
    }
}
