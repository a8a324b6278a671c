//! `codemode docker check`: is everything there that the container needs? With the cure for what is not.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::client::{COMPOSE, Compose, Docker, DotEnv};
use super::{PlaceArgs, shown};
use crate::cli::output::say;
use crate::cli::{Stop, code, output};

/// Check that everything is there to build and start the container
///
/// Exits with 0 if it is, and with 1 if anything is missing; each missing thing comes with its cure.
#[derive(Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, ok: true, found: found.into(), cure: None }
    }

    fn bad(name: &'static str, found: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { name, ok: false, found: found.into(), cure: Some(cure.into()) }
    }

    /// From a sentence that ends with its cure after a semicolon.
    fn from(name: &'static str, result: Result<String, String>) -> Self {
        match result {
            Ok(found) => Self::good(name, found),
            Err(text) => match text.rsplit_once("; ") {
                Some((found, cure)) => Self::bad(name, found, cure),
                None => Self::bad(name, text, ""),
            },
        }
    }
}

pub(super) fn main(args: &CheckArgs) -> Result<ExitCode, Stop> {
    let directory = args.place.directory();
    let settings = DotEnv::read(&directory);
    let docker = Docker::find();
    let mut checks = vec![client(&docker), engine(&docker), compose()];
    checks.extend(files(&directory, &settings));
    checks.push(port(&docker, &args.place.container(&settings), &settings));
    checks.extend(host(&settings));
    let ok = checks.iter().all(|check| check.ok);
    if args.json {
        output::json(&serde_json::json!({ "ok": ok, "directory": directory, "checks": checks }))?;
    } else {
        print(&checks);
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(code::FAILED) })
}

fn print(checks: &[Check]) {
    for check in checks {
        let state = if check.ok { "ok" } else { "MISSING" };
        say!("{:<20} {state:<8} {}", check.name, check.found);
        if let Some(cure) = check.cure.as_ref().filter(|cure| !cure.is_empty()) {
            say!("{:<20} {:<8} fix: {cure}", "", "");
        }
    }
    let missing = checks.iter().filter(|check| !check.ok).count();
    match missing {
        0 => say!("\nEverything is there."),
        missing => say!("\nMissing: {missing} of {}.", checks.len()),
    }
}

fn client(docker: &Result<Docker, String>) -> Check {
    let found = docker.as_ref().map(|docker| docker.version().to_owned()).map_err(Clone::clone);
    Check::from("docker", found)
}

fn engine(docker: &Result<Docker, String>) -> Check {
    match docker {
        Ok(docker) => Check::from("engine", docker.engine()),
        Err(_) => Check::bad("engine", "not asked without a client", "install the client first"),
    }
}

fn compose() -> Check {
    match Compose::find() {
        Some((compose, version)) => Check::good("compose", format!("{} {version}", compose.name())),
        None => Check::bad("compose", "neither `docker compose` nor docker-compose", COMPOSE),
    }
}

fn files(directory: &Path, settings: &DotEnv) -> Vec<Check> {
    let assets = "codemode docker assets --dest DIR, and name DIR with --dir";
    let file = |check: &'static str, name: &str, cure: &str| {
        let path = directory.join(name);
        match path.is_file() {
            true => Check::good(check, path.display().to_string()),
            false => Check::bad(check, format!("{} has no {name}", shown(directory)), cure),
        }
    };
    let environment = ".env";
    let mut checks = vec![
        file("Dockerfile", "Dockerfile", assets),
        file("binary", "codemode", assets),
        file("compose file", "docker-compose.yml", assets),
        file("seccomp profile", "seccomp.json", assets),
        file("variables", environment, "codemode docker env, or cp .env.template .env and edit it"),
    ];
    let has_key = settings.get("CODEMODE_API_KEY").is_some();
    checks.push(match has_key {
        true => Check::good("key", "CODEMODE_API_KEY is set"),
        false => {
            let cure = "set it in .env, for instance to what `openssl rand -hex 32` prints";
            Check::bad("key", "CODEMODE_API_KEY is not set", cure)
        }
    });
    checks
}

/// Whether the port that the compose file publishes is free, or taken by the container itself.
fn port(docker: &Result<Docker, String>, container: &str, settings: &DotEnv) -> Check {
    let name = "port";
    let address = settings.get("CODEMODE_BIND").unwrap_or_else(|| "127.0.0.1".to_owned());
    let text = settings.get("CODEMODE_SIDECAR_PORT").unwrap_or_else(|| "8001".to_owned());
    let Ok(port) = text.parse::<u16>() else {
        let found = format!("CODEMODE_SIDECAR_PORT={text:?} is no port");
        return Check::bad(name, found, "give a whole number from 1 to 65535");
    };
    let is_ours = || {
        let published = docker.as_ref().ok()?.ask(["port", container, "8001"]).ok()?;
        published.lines().any(|line| line.ends_with(&format!(":{port}"))).then_some(())
    };
    match TcpListener::bind((address.as_str(), port)) {
        Ok(_) => Check::good(name, format!("{address}:{port} is free")),
        Err(_) if is_ours().is_some() => {
            Check::good(name, format!("{address}:{port} is {container}'s"))
        }
        Err(error) => {
            let cure = "stop what listens there, or set CODEMODE_SIDECAR_PORT in .env to another";
            Check::bad(name, format!("{address}:{port} is not free ({error})"), cure)
        }
    }
}

/// What the kernel that the engine runs on lets a container do. Only this machine's can be looked at.
fn host(settings: &DotEnv) -> Vec<Check> {
    let elsewhere = std::env::var("DOCKER_HOST").is_ok_and(|host| !host.starts_with("unix://"));
    if elsewhere {
        let text = "not looked at: DOCKER_HOST names another machine";
        return vec![Check::good("user namespaces", text), Check::good("AppArmor", text)];
    }
    vec![user_namespaces(), apparmor(settings)]
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn user_namespaces() -> Check {
    let name = "user namespaces";
    if fs::symlink_metadata("/proc/self/ns/user").is_err() {
        return Check::bad(name, "this kernel has none", "use one with CONFIG_USER_NS");
    }
    let switches =
        [("user.max_user_namespaces", "10000"), ("kernel.unprivileged_userns_clone", "1")];
    for (switch, wanted) in switches {
        let path = format!("/proc/sys/{}", switch.replace('.', "/"));
        if read(&path).as_deref() == Some("0") {
            let cure = format!("sudo sysctl -w {switch}={wanted}");
            return Check::bad(name, format!("{switch} is 0"), cure);
        }
    }
    Check::good(name, "this kernel lets users make them")
}

/// Docker's own profile forbids every mount, and some hosts let no unconfined program use a user namespace.
fn apparmor(settings: &DotEnv) -> Check {
    let name = "AppArmor";
    if read("/sys/module/apparmor/parameters/enabled").as_deref() != Some("Y") {
        return Check::good(name, "not in use on this machine");
    }
    let restricts = match read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref()
    {
        Some("1") => ", and kernel.apparmor_restrict_unprivileged_userns is 1",
        _ => "",
    };
    match settings.get("CODEMODE_APPARMOR").filter(|profile| profile != "docker-default") {
        Some(profile) => Check::good(name, format!("in use, with profile {profile}{restricts}")),
        None => {
            let found = format!("in use, and docker-default forbids mounts{restricts}");
            let cure = "sudo apparmor_parser -r apparmor/codemode, then set CODEMODE_APPARMOR=codemode in .env";
            Check::bad(name, found, cure)
        }
    }
}
