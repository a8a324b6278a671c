//! `codemode docker build`, `start`, `stop`, `remove`, `status`.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::client::{COMPOSE, Compose, Docker, DotEnv};
use super::{PlaceArgs, assets, env};
use crate::cli::output::say;
use crate::cli::{Stop, code, output};

const COMPOSE_FILE: &str = "docker-compose.yml";
const KEY: &str = "CODEMODE_API_KEY";
/// Where `build` puts the files if nobody has put them anywhere.
const EXPORT: &str = "codemode-docker";

/// Build the image
#[derive(Args)]
pub(super) struct BuildArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Image to build on, with the Python and the packages that programs may use [default: the Dockerfile's]
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,
    /// Name of the image
    #[arg(long, short, value_name = "IMAGE", default_value = "codemode-executor:latest")]
    tag: String,
}

/// Start the container and wait until it is healthy
#[derive(Args)]
pub(super) struct StartArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Configuration to take settings from, as `docker env` does; wins over .env, not over the shell
    /// [default: codemode.yaml, if there is no .env]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Port of this machine under which the service appears [default: 8001]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Longest wait
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3600))]
    timeout: u16,
}

/// Stop the container, and let its runs finish
#[derive(Args)]
pub(super) struct StopArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// Stop and remove the container; the image and the volumes stay
#[derive(Args)]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// Show the container's state, its health, and the service's own answer; exits with 0 if it is healthy
#[derive(Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn build(args: &BuildArgs) -> Result<ExitCode, Stop> {
    if args.place.has_none() {
        // Nothing was exported by hand, and nothing else is needed to build.
        Docker::connect()?;
        assets::write(Path::new(EXPORT), false)?;
        eprintln!("codemode: wrote what the image is built from to {EXPORT}");
    }
    let directory = args.place.directory_with("Dockerfile")?;
    let docker = Docker::connect()?;
    let base = args.base.clone().or_else(|| DotEnv::read(&directory).get("PYTHON_IMAGE"));
    let version = format!("CODEMODE_VERSION={}", env!("CARGO_PKG_VERSION"));
    let mut arguments = vec!["build", "--tag", &args.tag, "--build-arg", &version];
    let base = base.map(|base| format!("PYTHON_IMAGE={base}"));
    if let Some(base) = &base {
        arguments.extend(["--build-arg", base]);
    }
    let directory = directory.display().to_string();
    arguments.extend(["--", &directory]);
    docker.show("docker build", arguments)?;
    say!("{}", args.tag);
    Ok(ExitCode::SUCCESS)
}

fn compose() -> Result<Compose, Stop> {
    let missing =
        || Stop::failed(format!("there is neither `docker compose` nor docker-compose; {COMPOSE}"));
    Compose::find().map(|(compose, _)| compose).ok_or_else(missing)
}

pub(super) fn start(args: &StartArgs) -> Result<ExitCode, Stop> {
    let directory = args.place.directory_with(COMPOSE_FILE)?;
    let settings = DotEnv::read(&directory);
    let variables = args.variables(&directory)?;
    let has_key = variables.iter().any(|(name, value)| *name == KEY && !value.is_empty());
    if !has_key && settings.get(KEY).is_none() {
        let text = "CODEMODE_API_KEY is not set, so anyone who reaches the port could run code; set it in the .env \
                    beside docker-compose.yml (`codemode docker env`, or cp .env.template .env), or name a \
                    configuration that has it with --config";
        return Err(Stop::usage(text));
    }
    let docker = Docker::connect()?;
    compose()?.show(&directory, &["up", "--detach"], &variables)?;
    let name = args.place.container(&settings);
    wait(&docker, &name, Duration::from_secs(args.timeout.into()))?;
    say!("{name} is healthy");
    Ok(ExitCode::SUCCESS)
}

impl StartArgs {
    /// What goes to compose beside `.env`.
    fn variables(&self, directory: &Path) -> Result<Vec<(&'static str, String)>, Stop> {
        let usual = Path::new("codemode.yaml");
        let has_env = directory.join(".env").is_file();
        let file = self.config.as_deref().or((!has_env && usual.is_file()).then_some(usual));
        let mut variables = match file {
            Some(file) => {
                let cwd = std::env::current_dir().map_err(Stop::usage)?;
                env::variables(&cwd.join(file))?
            }
            None => Vec::new(),
        };
        // As with .env: what the shell has wins.
        variables.retain(|(name, _)| std::env::var_os(name).is_none_or(|value| value.is_empty()));
        if let Some(port) = self.port {
            variables.push(("CODEMODE_SIDECAR_PORT", port.to_string()));
        }
        Ok(variables)
    }
}

fn wait(docker: &Docker, name: &str, patience: Duration) -> Result<(), Stop> {
    let begun = Instant::now();
    let mut progress = Progress::new(name);
    loop {
        let container = Container::look(docker, name)?;
        progress.show(&container);
        if container.is_healthy() {
            return Ok(());
        }
        let why = if container.has_ended() {
            format!("has ended (exit code {})", container.exit_code)
        } else if begun.elapsed() >= patience {
            format!("is not healthy after {} seconds ({})", patience.as_secs(), container.words())
        } else {
            std::thread::sleep(Duration::from_millis(500));
            continue;
        };
        progress.end();
        last_lines(docker, name);
        let text = format!(
            "{name} {why}; its last lines are above, and `codemode docker check` may name the cause"
        );
        return Err(Stop::failed(text));
    }
}

/// What is waited for, on standard error: over and over in one line of a terminal, else once per change.
struct Progress<'a> {
    name: &'a str,
    last: String,
    dots: usize,
}

impl<'a> Progress<'a> {
    fn new(name: &'a str) -> Self {
        Self { name, last: String::new(), dots: 0 }
    }

    fn show(&mut self, container: &Container) {
        let words = container.words();
        if std::io::stderr().is_terminal() {
            self.dots += 1;
            eprint!("\r\x1b[K{}: {words} {}", self.name, ".".repeat(self.dots % 40));
            let _ = std::io::stderr().flush();
            if container.is_healthy() {
                self.end();
            }
        } else if words != self.last {
            eprintln!("{}: {words}", self.name);
        }
        self.last = words;
    }

    fn end(&self) {
        if std::io::stderr().is_terminal() {
            eprintln!();
        }
    }
}

fn last_lines(docker: &Docker, name: &str) {
    // What it can't show, the sentence that follows doesn't need.
    let _ = docker.show("docker logs", ["logs", "--tail", "20", "--", name]);
}

pub(super) fn stop(args: &StopArgs) -> Result<ExitCode, Stop> {
    let name = args.place.container(&DotEnv::read(&args.place.directory()));
    let docker = Docker::connect()?;
    docker.show("docker stop", ["stop", "--", &name])?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn remove(args: &RemoveArgs) -> Result<ExitCode, Stop> {
    let directory = args.place.directory();
    let name = args.place.container(&DotEnv::read(&directory));
    let docker = Docker::connect()?;
    // Its file also knows the network that was made for it.
    let file = directory.join(COMPOSE_FILE);
    match Compose::find().filter(|_| file.is_file() && is_composed(&docker, &name)) {
        Some((compose, _)) => {
            // Its file asks for a key, whatever is done with it.
            compose.show(&directory, &["down"], &[(KEY, "unused".to_owned())])?;
        }
        None => docker.show("docker rm", ["rm", "--force", "--", &name])?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether compose has made the container: it says so in a label.
fn is_composed(docker: &Docker, name: &str) -> bool {
    let format = r#"{{index .Config.Labels "com.docker.compose.project"}}"#;
    docker
        .ask(["container", "inspect", "--format", format, "--", name])
        .is_ok_and(|project| !project.is_empty())
}

#[derive(Serialize)]
struct Status {
    container: String,
    #[serde(flatten)]
    state: Container,
    /// What `codemode health` says inside.
    service: Option<Value>,
}

pub(super) fn status(args: &StatusArgs) -> Result<ExitCode, Stop> {
    let name = args.place.container(&DotEnv::read(&args.place.directory()));
    let docker = Docker::connect()?;
    let state = Container::look(&docker, &name)?;
    // Asked from inside, where the settings are, and where no port need be published.
    let service = state.is_running().then(|| {
        let answer = docker.ask(["exec", &name, "codemode", "health", "--json"]);
        answer.map_err(|error| error.to_string()).and_then(|text| {
            serde_json::from_str::<Value>(&text).map_err(|error| error.to_string())
        })
    });
    let ok = state.is_healthy() && matches!(service, Some(Ok(_)));
    if args.json {
        let service = service.map(|answer| {
            answer.unwrap_or_else(|why| serde_json::json!({ "ok": false, "error": why }))
        });
        output::json(&Status { container: name, state, service })?;
    } else {
        say!("container  {name}: {}", state.words());
        match service {
            Some(Ok(answer)) => {
                let field =
                    |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or("unknown");
                say!("service    {}, version {}", field("status"), field("version"));
                say!("main app   {}", field("main_app_target"));
            }
            Some(Err(why)) => say!("service    does not answer: {why}"),
            None => say!("service    not asked"),
        }
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(code::FAILED) })
}

/// What the engine says of the container.
#[derive(Serialize)]
struct Container {
    /// `created`, `running`, `restarting`, `exited`, ...
    state: String,
    /// Of its health check; absent where it has none.
    health: Option<String>,
    exit_code: i64,
}

impl Container {
    fn look(docker: &Docker, name: &str) -> Result<Self, Stop> {
        let format = "{{json .State}}";
        let text = docker
            .ask(["container", "inspect", "--format", format, "--", name])
            .map_err(|error| {
                Stop::failed(format!(
                    "{name} cannot be looked at ({error}); start it with `codemode docker start`, or give its name \
                     with --name"
                ))
            })?;
        let state: Value = serde_json::from_str(&text)
            .map_err(|error| Stop::failed(format!("docker inspect: {error}")))?;
        let word = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Self {
            state: word(&state["Status"]).unwrap_or_else(|| "unknown".to_owned()),
            health: word(&state["Health"]["Status"]),
            exit_code: state["ExitCode"].as_i64().unwrap_or_default(),
        })
    }

    fn is_running(&self) -> bool {
        self.state == "running"
    }

    fn is_healthy(&self) -> bool {
        self.is_running() && self.health.as_deref().is_none_or(|health| health == "healthy")
    }

    /// For good: one that is started again is `restarting`.
    fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "exited" | "dead")
    }

    fn words(&self) -> String {
        match &self.health {
            Some(health) if self.is_running() => format!("{}, {health}", self.state),
            _ if self.has_ended() => format!("{} with code {}", self.state, self.exit_code),
            _ => self.state.clone(),
        }
    }
}

impl PlaceArgs {
    /// The container's name: what was given, or what `.env` gives to the compose file.
    pub(super) fn container(&self, settings: &DotEnv) -> String {
        let named = || settings.get("CODEMODE_CONTAINER");
        self.name.clone().or_else(named).unwrap_or_else(|| "codemode-executor".to_owned())
    }
}
