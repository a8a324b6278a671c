//! The files of an application: what a client reads, and the older file of a whole project.
//!
//! The sidecar reads neither. They are described here so that `validate` and `docker env` know them.

use std::path::Path;
use std::time::Duration;

use super::fault::Fault;
use super::load::{fill_in, put, read_tree};
use super::model::{LogLevel, NetworkMode, TlsMode};
use super::origin::{Origin, Source};
use super::secret::Secret;
use super::slot::{Row, Schema};
use super::table::{Draft, SIDECAR};
use super::yaml::Node;
use super::{Environment, parse, raw};

mod schemas;

use schemas::{CLIENT, ClientDraft, PROJECT, ProjectDraft};

/// What a configuration file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// The sidecar: `codemode-sidecar.yaml`.
    Sidecar,
    /// An application's client: `codemode.yaml`, `codemode-client.yaml`.
    Client,
    /// A project as older applications describe it: `codemode.yaml` with `project:` and `executor:` blocks.
    Project,
}

impl FileKind {
    /// The name of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::Client => "client",
            Self::Project => "project",
        }
    }
}

/// A setting as it would be used.
#[derive(Debug, Clone)]
pub struct Used {
    /// Key in the file.
    pub key: &'static str,
    /// The sidecar's variables for it, the usual one first; empty in an application's file.
    pub variables: &'static [&'static str],
    /// Its value: sizes in bytes, times in seconds, null if it is not set. A secret only says that it is set.
    pub value: serde_json::Value,
    /// The secret itself, where the setting is one and is set.
    pub secret: Option<Secret>,
    /// What gave it.
    pub origin: Origin,
}

/// A file read on its own.
#[derive(Debug)]
pub struct Inspected {
    /// What it is for.
    pub kind: FileKind,
    /// Every setting of such a file, in a fixed order.
    pub settings: Vec<Used>,
    /// All that is wrong with it.
    pub faults: Vec<Fault>,
}

/// Reads a file alone: `${…}` comes from `env`, but no variable wins over the file, and nothing that it names is
/// opened. `kind` is found out by the keys if it is not given.
#[must_use]
pub fn inspect(path: &Path, kind: Option<FileKind>, env: &Environment) -> Inspected {
    let root = match read_tree(path, "with --config") {
        Ok(root) => root,
        Err(fault) => {
            let kind = kind.unwrap_or(FileKind::Sidecar);
            return Inspected { kind, settings: Vec::new(), faults: vec![fault] };
        }
    };
    let kind = kind.unwrap_or_else(|| kind_of(path, &root));
    let (settings, faults) = match kind {
        FileKind::Sidecar => read(path, root, env, &SIDECAR, Draft::new(), |_| Vec::new()),
        FileKind::Client => read(path, root, env, &CLIENT, ClientDraft::new(), ClientDraft::check),
        FileKind::Project => {
            read(path, root, env, &PROJECT, ProjectDraft::new(), ProjectDraft::check)
        }
    };
    Inspected { kind, settings, faults }
}

/// The kind whose own keys the file has; without any, what its name says.
fn kind_of(path: &Path, root: &Node) -> FileKind {
    let has = |keys: &[&str]| match root {
        Node::Block(entries) => entries.iter().any(|entry| keys.contains(&entry.key.as_str())),
        _ => false,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let named_so = name.contains("client") || matches!(&*name, "codemode.yaml" | "codemode.yml");
    let is_client = has(&["executor_url", "executor_api_key", "executor_timeout", "retry"]);
    let is_sidecar =
        has(&["port", "host", "main_app_grpc_target", "api_key", "limits", "security"]);
    if has(&["executor", "project", "framework", "grpc"]) {
        FileKind::Project
    } else if is_client || (named_so && !is_sidecar) {
        FileKind::Client
    } else {
        FileKind::Sidecar
    }
}

type Problem = (&'static str, String);

fn read<D>(
    path: &Path,
    root: Node,
    env: &Environment,
    schema: &'static Schema<D>,
    mut draft: D,
    check: fn(&D) -> Vec<Problem>,
) -> (Vec<Used>, Vec<Fault>) {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let mut document = match raw::read(root, schema, &name) {
        Ok(document) => document,
        Err(problem) => {
            return (Vec::new(), vec![Fault::FileMalformed { path: path.to_owned(), problem }]);
        }
    };
    let mut faults = std::mem::take(&mut document.faults);
    let mut origins = Vec::new();
    for row in schema.rows {
        let (origin, fault) = set(row, &mut draft, &document, env);
        origins.push(origin);
        faults.extend(fault);
    }
    let faulty = |key: &str| {
        let at = |fault: &Fault| fault.origin().is_some_and(|origin| origin.key == key);
        faults.iter().any(at)
    };
    let origin = |key: &str| {
        let index = schema.rows.iter().position(|row| row.key == key);
        let found = index.and_then(|index| origins.get(index)).cloned();
        found.unwrap_or_else(|| Origin::new(key, Source::Default))
    };
    let conflicts: Vec<_> = check(&draft)
        .into_iter()
        .filter(|(key, _)| !faulty(key))
        .map(|(key, problem)| Fault::Conflict { at: origin(key), problem })
        .collect();
    faults.extend(conflicts);
    (used(schema, &mut draft, |row| origin(row.key)), faults)
}

/// Sets one row from the file; where its value came from, and what is wrong with it.
fn set<D>(
    row: &'static Row<D>,
    draft: &mut D,
    document: &raw::Document,
    env: &Environment,
) -> (Origin, Option<Fault>) {
    let none = Origin::new(row.key, Source::Default);
    let Some(setting) = document.settings.get(row.key) else { return (none, None) };
    let at = setting.at.clone();
    let given = match fill_in(&setting.given, env) {
        Ok(given) => given,
        Err(problem) => return (none, Some(Fault::Substitution { at, problem })),
    };
    match put(row, draft, &given, at) {
        Ok(origin) => (origin.unwrap_or(none), None),
        Err(fault) => (none, Some(fault)),
    }
}

/// Every setting of a draft.
pub(super) fn used<D>(
    schema: &'static Schema<D>,
    draft: &mut D,
    origin: impl Fn(&'static Row<D>) -> Origin,
) -> Vec<Used> {
    let one = |row: &'static Row<D>| Used {
        key: row.key,
        variables: row.vars,
        value: row.slot.value(draft),
        secret: row.slot.secret(draft),
        origin: origin(row),
    };
    schema.rows.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
