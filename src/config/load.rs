//! Gathers all sources into a draft, checks settings against each other, and makes the [`Config`].

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::fault::{ConfigError, Fault};
use super::loader::Loader;
use super::model::{Config, Mounts, Network, NetworkMode, Security, Start};
use super::origin::{Origin, Source};
use super::secret::Secret;
use super::slot::{Given, Row, Schema, Slot};
use super::substitute::substitute;
use super::table::{Draft, SIDECAR, TABLE, find};
use super::{Environment, Sources, Used, kinds, observe, parse, raw, tls, yaml};

/// The compose file gives this one a value for whoever sets neither of its other names: it is there to
/// give way.
const FALLBACK: &str = "CODEMODE_MAIN_APP_GRPC_TARGET";
const FILE_VARIABLE: &str = "CODEMODE_SIDECAR_CONFIG";
const USUAL_FILES: [&str; 2] = ["codemode-sidecar.yaml", "sidecar.yaml"];
/// Far above any honest configuration, far below what would hurt.
const LARGEST_FILE: u64 = 1 << 20;

/// Loads and checks the configuration.
///
/// # Errors
/// All faults of all sources together.
pub fn load(sources: &Sources<'_>) -> Result<Config, ConfigError> {
    let mut loader = Loader::new(sources);
    let source = loader.read(|_| true);
    loader.finish(source)
}

/// What a load came to, and the settings that went into it.
#[derive(Debug)]
pub struct Examined {
    /// What [`load`] gives.
    pub config: Result<Config, ConfigError>,
    /// Every setting with what gave it; those at fault are shown at their default.
    pub settings: Vec<Used>,
    /// The file that was read, if there was one.
    pub source: Option<PathBuf>,
}

/// Loads as [`load`] does, and shows each setting.
#[must_use]
pub fn examine(sources: &Sources<'_>) -> Examined {
    let mut loader = Loader::new(sources);
    let source = loader.read(|_| true);
    let origins = loader.origins.clone();
    let origin = |row: &'static Row| {
        origins.get(row.key).cloned().unwrap_or_else(|| Origin::new(row.key, Source::Default))
    };
    let settings = kinds::used(&SIDECAR, &mut loader.draft, origin);
    Examined { config: loader.finish(source.clone()), settings, source }
}

/// The file that [`load`] reads, if there is one.
#[must_use]
pub fn file(sources: &Sources<'_>) -> Option<PathBuf> {
    find_file(sources).map(|(path, _)| path)
}

/// The file to read and what named it. An explicitly named one must exist; the usual ones need not.
fn find_file(sources: &Sources<'_>) -> Option<(PathBuf, &'static str)> {
    if let Some(path) = sources.file {
        return Some((sources.cwd.join(path), "with --config"));
    }
    if let Some(path) = sources.env.get(FILE_VARIABLE).filter(|path| !path.is_empty()) {
        return Some((sources.cwd.join(path), "in CODEMODE_SIDECAR_CONFIG"));
    }
    // `symlink_metadata`, so that a broken link is reported and not taken for no configuration.
    USUAL_FILES
        .iter()
        .map(|name| sources.cwd.join(name))
        .find(|path| path.symlink_metadata().is_ok())
        .map(|path| (path, "by its usual name in the working directory"))
}

impl Loader<'_> {
    /// Fills the draft from all sources, with the settings that are `wanted`. The file's path, if there is one.
    pub(super) fn read(&mut self, wanted: fn(&Row) -> bool) -> Option<PathBuf> {
        let source = find_file(self.sources);
        let document =
            source.as_ref().map(|(path, from)| self.file(path, from)).unwrap_or_default();
        for row in TABLE.iter().filter(|row| wanted(row)) {
            self.row(row, document.settings.get(row.key));
        }
        self.flags();
        source.map(|(path, _)| path)
    }

    fn file(&mut self, path: &Path, from: &'static str) -> raw::Document {
        match read_file(path, from, &SIDECAR) {
            Ok(mut document) => {
                self.faults.append(&mut document.faults);
                self.failed.append(&mut document.failed);
                document
            }
            Err(fault) => {
                self.file_failed = true;
                self.faults.push(fault);
                raw::Document::default()
            }
        }
    }

    /// The file's value first, then the variable's, which overwrites it.
    fn row(&mut self, row: &'static Row, setting: Option<&raw::Setting>) {
        let variable = self.variable(row);
        if let Some(setting) = setting {
            match fill_in(&setting.given, self.sources.env) {
                Ok(given) => self.set(row, &given, setting.at.clone()),
                // A value that the environment replaces need not be complete.
                Err(_) if variable.is_some() => {}
                Err(problem) => {
                    self.failed.insert(row.key);
                    self.faults.push(Fault::Substitution { at: setting.at.clone(), problem });
                }
            }
        }
        if let Some((name, text)) = variable {
            self.set(row, &Given::Text(text), Origin::new(row.key, Source::Variable(name)));
        }
    }

    /// The first variable of `row` that is set to something.
    fn variable(&mut self, row: &'static Row) -> Option<(&'static str, String)> {
        let mut found: Option<(&'static str, String)> = None;
        for name in row.vars {
            let Some(value) = self.sources.env.get(*name).filter(|value| !is_blank(row, value))
            else {
                continue;
            };
            if let Some((first, _)) = &found {
                if *name == FALLBACK {
                    continue;
                }
                self.warnings
                    .push(format!("{first} and {name} both set {}; {first} is used", row.key));
                continue;
            }
            match value.to_str() {
                Some(text) => found = Some((name, text.to_owned())),
                None => {
                    self.failed.insert(row.key);
                    self.faults.push(Fault::Invalid {
                        at: Origin::new(row.key, Source::Variable(name)),
                        value: "a value that is not UTF-8 text".to_owned(),
                        allowed: row.slot.allowed(),
                    });
                }
            }
        }
        found
    }

    fn set(&mut self, row: &'static Row, given: &Given, at: Origin) {
        match put(row, &mut self.draft, given, at) {
            Ok(Some(at)) => {
                self.origins.insert(row.key, at);
            }
            Ok(None) => {}
            Err(fault) => {
                self.failed.insert(row.key);
                self.faults.push(fault);
            }
        }
    }

    fn flags(&mut self) {
        let flags = [
            ("host", "--host", self.sources.host.map(str::to_owned)),
            ("port", "--port", self.sources.port.map(|port| port.to_string())),
        ];
        for (key, flag, value) in flags {
            if let (Some(row), Some(text)) = (find(key), value) {
                self.set(row, &Given::Text(text), Origin::new(key, Source::Flag(flag)));
            }
        }
        self.draft.allow_unauthenticated |= self.sources.allow_unauthenticated;
    }

    fn finish(mut self, source: Option<PathBuf>) -> Result<Config, ConfigError> {
        let host = self.draft.host.take().unwrap_or_else(|| "0.0.0.0".to_owned());
        self.check_callers(&host);
        self.check_unused();
        let tls = tls::server(&mut self);
        let callback_tls = tls::client(&mut self);
        let audit = observe::audit(&mut self);
        let metrics = observe::metrics(&mut self);
        let telemetry = observe::telemetry(&mut self);
        let mounts = Mounts {
            workspace: self.directory("mounts.workspace", |draft| draft.workspace.take()),
            outputs: self.directory("mounts.outputs", |draft| draft.outputs.take()),
        };
        // The table bounds the port, so this can't fail; zero would be refused by the listener.
        let port = u16::try_from(self.draft.port).unwrap_or_default();
        if !self.faults.is_empty() {
            return Err(ConfigError::new(self.faults));
        }
        let draft = self.draft;
        Ok(Config {
            host,
            port,
            main_app_grpc_target: draft
                .main_app_grpc_target
                .unwrap_or_else(|| "localhost:50051".to_owned()),
            api_key: draft.api_key.map(Secret::new),
            limits: draft.limits,
            security: Security {
                allow_direct_execution: draft.allow_direct_execution,
                allowed_commands: draft.allowed_commands.unwrap_or_default(),
                static_checks: draft.static_checks,
                allow_unauthenticated: draft.allow_unauthenticated,
                accept_tier: draft.accept_tier,
                required_walls: draft.required_walls,
                wanted_walls: draft.wanted_walls,
            },
            network: Network {
                mode: draft.network_mode,
                allowed_domains: draft.allowed_domains.unwrap_or_default(),
                blocked_domains: draft.blocked_domains.unwrap_or_default(),
            },
            tls,
            callback_tls,
            log_level: draft.log_level,
            log_format: draft.log_format,
            audit,
            metrics,
            telemetry,
            python: draft.python.map(PathBuf::from),
            start: draft.start,
            preload: draft.preload.unwrap_or_default(),
            mounts,
            shutdown_grace: draft.shutdown_grace,
            metadata_ttl: draft.metadata_ttl,
            warnings: self.warnings,
            source,
            origins: self.origins,
        })
    }

    fn check_callers(&mut self, host: &str) {
        let known = self.sound("api_key")
            && self.sound("host")
            && self.sound("security.allow_unauthenticated");
        if !known || self.draft.api_key.is_some() || parse::is_loopback(host) {
            return;
        }
        if self.draft.allow_unauthenticated {
            self.warnings
                .push(format!("no API key is set: everyone who reaches {host} can run code here"));
        } else {
            self.faults.push(Fault::Unauthenticated { host: host.to_owned() });
        }
    }

    /// Settings that have no effect are usually one setting short of what was meant.
    fn check_unused(&mut self) {
        let draft = &self.draft;
        let filled =
            |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        if draft.network_mode != NetworkMode::Restricted
            && (filled(&draft.allowed_domains) || filled(&draft.blocked_domains))
        {
            let mode = draft.network_mode.as_str();
            self.warnings.push(format!(
                "the domain lists have no effect with network.mode {mode}; they need `restricted`"
            ));
        }
        if !draft.allow_direct_execution && filled(&draft.allowed_commands) {
            let text = "security.allowed_commands has no effect while security.allow_direct_execution is false";
            self.warnings.push(text.to_owned());
        }
        if draft.start == Start::Fresh && filled(&draft.preload) {
            let text = "preload has no effect with start fresh; it needs `warm`";
            self.warnings.push(text.to_owned());
        }
        for name in self.sources.env.keys().filter(|name| name.starts_with("CODEMODE_SIDECAR_")) {
            let known =
                name == FILE_VARIABLE || TABLE.iter().any(|row| row.vars.contains(&name.as_str()));
            if !known {
                self.warnings
                    .push(format!("{name} is not a variable of the sidecar and has no effect"));
            }
        }
    }

    fn directory(
        &mut self,
        key: &'static str,
        take: fn(&mut Draft) -> Option<String>,
    ) -> Option<PathBuf> {
        let path = PathBuf::from(take(&mut self.draft)?);
        let problem = match path.metadata() {
            Ok(found) if found.is_dir() => return Some(path),
            Ok(_) => "is not a directory".to_owned(),
            Err(error) => format!("cannot be used ({error})"),
        };
        let problem = format!("{} {problem}; create it, or correct the path", path.display());
        self.faults.push(Fault::Conflict { at: self.at(key), problem });
        None
    }
}

/// Puts a value in its place in the draft; where it came from, unless it is empty and so counts as not set.
pub(super) fn put<D>(
    row: &Row<D>,
    draft: &mut D,
    given: &Given,
    at: Origin,
) -> Result<Option<Origin>, Fault> {
    let given = match given {
        Given::Text(text) if !is_secret(row) => Given::Text(text.trim().to_owned()),
        other => other.clone(),
    };
    if given == Given::Text(String::new()) {
        return Ok(None);
    }
    match row.slot.set(draft, &given) {
        Ok(()) => Ok(Some(at)),
        Err(value) => Err(Fault::Invalid { at, value, allowed: row.slot.allowed() }),
    }
}

/// An API key is compared byte by byte, so spaces around it are a fault and not trimmed away.
fn is_secret<D>(row: &Row<D>) -> bool {
    matches!(row.slot, Slot::Secret(..))
}

fn is_blank(row: &Row, value: &OsStr) -> bool {
    value.is_empty()
        || (!is_secret(row) && value.to_str().is_some_and(|text| text.trim().is_empty()))
}

/// With each `${…}` in it replaced.
pub(super) fn fill_in(given: &Given, env: &Environment) -> Result<Given, String> {
    Ok(match given {
        Given::Text(text) => Given::Text(substitute(text, env)?),
        Given::Bare(text) => Given::Bare(text.clone()),
        Given::List(items) => {
            Given::List(items.iter().map(|item| substitute(item, env)).collect::<Result<_, _>>()?)
        }
    })
}

/// Reads a file of the kind that `schema` describes; `from` says what named it.
pub(super) fn read_file<D>(
    path: &Path,
    from: &'static str,
    schema: &'static Schema<D>,
) -> Result<raw::Document, Fault> {
    let root = read_tree(path, from)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    raw::read(root, schema, &name)
        .map_err(|problem| Fault::FileMalformed { path: path.to_owned(), problem })
}

/// Reads a file that is YAML.
pub(super) fn read_tree(path: &Path, from: &'static str) -> Result<yaml::Node, Fault> {
    let malformed =
        |problem: &str| Fault::FileMalformed { path: path.to_owned(), problem: problem.to_owned() };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(|source| Fault::FileUnreadable { path: path.to_owned(), from, source })?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(malformed("is larger than 1M; see that it is the configuration file"));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| malformed("is not UTF-8 text; save it as UTF-8"))?;
    yaml::parse(&text).map_err(|yaml::Malformed { at, problem }| Fault::Yaml {
        path: path.to_owned(),
        line: at.line,
        column: at.column,
        problem,
    })
}
