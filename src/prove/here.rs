//! This machine: a place for files of cases, the interpreter, an application, and services.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::net::{Ipv4Addr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::geteuid;
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::ProveError;
use super::corpus::{Case, Corpus};
use super::header::Need;
use super::patience::Patience;
use super::scene::LISTED;
use super::secrets::Secret;
use super::target::application::ProveTools;
use super::target::command::Commands;
use super::target::service::{Hosted, Settings};
use super::target::{Answer, Job, Ran};
use crate::harness::HarnessError;
use crate::harness::application::Application;
use crate::harness::service::{self, Setup};
use crate::plan::{Interpreter, off};
use crate::policy::Wall;
use crate::report::{Started, Verdict};
use crate::sandbox::enforced::Standing;

/// Where files of a proof may lie, the best first: not below a place that a run covers with its own.
const PLACES: [&str; 2] = ["/var/tmp", "/tmp"];

/// The services that run, by start and settings.
type Services = HashMap<(&'static str, String), Arc<Mutex<Hosted>>>;

/// See the module.
pub struct Here {
    place: TempDir,
    corpus: Arc<Corpus>,
    commands: Commands,
    setup: Setup,
    application: Arc<Application<ProveTools>>,
    services: Mutex<Services>,
    trials: HashMap<&'static str, Result<Answer, String>>,
    off: BTreeSet<Wall>,
}

impl Here {
    /// Prepares it, and makes a run of each start to see what stands here.
    ///
    /// # Errors
    /// [`ProveError`], for want of a place or a port.
    pub async fn prepare(
        corpus: Arc<Corpus>,
        interpreter: &Interpreter,
        starts: &[Started],
        variables: Vec<(&'static str, OsString)>,
        patience: Patience,
    ) -> Result<Self, ProveError> {
        let place = place()?;
        let io = |error| HarnessError::Io("no randomness for secrets", error);
        let key = Secret::new("of the environment of whoever started the run").map_err(io)?;
        let python = PathBuf::from(&interpreter.executable);
        let commands = Commands { python: python.clone(), key, variables, patience };
        let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
        let application = Arc::new(Application::start(anywhere, ProveTools::default()).await?);
        let dir = place.path().join("services");
        std::fs::create_dir(&dir)
            .map_err(|error| HarnessError::Io("no place for services", error))?;
        let main_app = application.target();
        let setup = Setup { python, main_app, dir, patience: patience.times(service::PATIENCE) };
        let mut trials = HashMap::new();
        for start in starts {
            trials.insert(start.name(), commands.trial(*start, place.path()).await);
        }
        let services = Mutex::default();
        // What it names is told by the trials, if it can't be.
        let off = off::walls().unwrap_or_default();
        Ok(Self { place, corpus, commands, setup, application, services, trials, off })
    }

    /// Where scenes are set.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// How much longer than usual everything may take.
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.commands.patience
    }

    /// Walls that a build for tests leaves down.
    #[must_use]
    pub fn off(&self) -> &BTreeSet<Wall> {
        &self.off
    }

    /// The walls of a run with this start.
    #[must_use]
    pub fn walls(&self, start: Started) -> &[Standing] {
        match self.trials.get(start.name()) {
            Some(Ok(answer)) => &answer.report.walls,
            _ => &[],
        }
    }

    /// Why no run starts so here, if none does.
    #[must_use]
    pub fn refused(&self, start: Started) -> Option<String> {
        match self.trials.get(start.name()) {
            Some(Ok(Answer { report, .. })) if report.verdict != Verdict::Ok => {
                Some(format!("no run starts here: {}", report.evidence))
            }
            Some(Ok(Answer { report, .. })) => match report.start {
                Some(other) if other != start => Some(format!("runs start {} here", other.name())),
                _ => None,
            },
            Some(Err(why)) => Some(format!("no run starts here: {why}")),
            None => Some("that start was not asked for".to_owned()),
        }
    }

    /// Why a case can't be tried here, as far as is known before.
    #[must_use]
    pub fn lacks(&self, case: &Case, start: Started) -> Option<String> {
        let lacks = |need: &Need| match need {
            Need::Root if !geteuid().is_root() => Some("it takes root".to_owned()),
            Need::Ordinary if geteuid().is_root() => Some("it takes an ordinary user".to_owned()),
            Need::Warm if start != Started::Warm => Some("it is for warm starts".to_owned()),
            // To the proxy a name without an address is no attack: it could not be reached anyway.
            Need::Proxy if !is_known(LISTED) => Some(format!("{LISTED} has no address here")),
            Need::Wall(wall) => {
                let stands = self.off.contains(wall)
                    || self.walls(start).iter().any(|one| one.wall == *wall && one.standing);
                (!stands).then(|| format!("{wall} does not stand here"))
            }
            _ => None,
        };
        self.refused(start).or_else(|| case.header.needs.iter().find_map(lacks))
    }

    /// Flags that a case gets beside its own.
    #[must_use]
    pub fn flags(&self, case: &Case) -> Vec<String> {
        if case.header.needs.contains(&Need::Proxy) {
            ["--network", "restricted", "--allow-domain", LISTED].map(str::to_owned).into()
        } else {
            Vec::new()
        }
    }

    /// Runs a case where it belongs.
    ///
    /// # Errors
    /// Why it can't be run.
    pub async fn run(&self, job: &Job<'_>) -> Result<Ran, String> {
        let header = &job.case.header;
        let served = |need: &Need| matches!(need, Need::Tools | Need::Service);
        if !header.needs.iter().any(served) && header.first.is_none() {
            let trial = self.trials.get(job.start.name()).and_then(|trial| trial.as_ref().ok());
            let start = trial.map_or(Duration::ZERO, |answer| answer.took);
            return self.commands.run(job, start).await;
        }
        let all: Vec<_> = job.flags.iter().chain(&header.flags).cloned().collect();
        let settings = Settings::of(&all)?;
        let service = self.service(job.start, &settings).await?;
        let first = header.first.as_ref().and_then(|name| self.corpus.plant(name));
        // One case at a time, so that what is seen there is its doing.
        let mut service = service.lock().await;
        let caller = match service.caller().await {
            Ok(caller) => caller,
            // The case before has ended it, which is told there.
            Err(_) => {
                *service = self.start(job.start, &settings).await?;
                service.caller().await?
            }
        };
        service.run(job, caller, settings.timeout, first).await
    }

    async fn start(&self, start: Started, settings: &Settings) -> Result<Hosted, String> {
        let application = Arc::clone(&self.application);
        let mut variables = self.commands.variables.clone();
        let longer = self.commands.patience.settings();
        variables.extend(longer.into_iter().map(|(name, value)| (name, value.into())));
        Hosted::start(&self.setup, application, start, settings, &variables).await
    }

    async fn service(
        &self,
        start: Started,
        settings: &Settings,
    ) -> Result<Arc<Mutex<Hosted>>, String> {
        let key = (start.name(), format!("{:?}", settings.variables));
        let mut services = self.services.lock().await;
        if let Some(service) = services.get(&key) {
            return Ok(Arc::clone(service));
        }
        let hosted = self.start(start, settings).await?;
        let hosted = Arc::new(Mutex::new(hosted));
        services.insert(key, Arc::clone(&hosted));
        Ok(hosted)
    }
}

/// A directory that others may look into, as they may into a home directory.
fn place() -> Result<TempDir, ProveError> {
    let made = PLACES.iter().map(|place| {
        let directory = tempfile::Builder::new().prefix("codemode-prove-").tempdir_in(place)?;
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(directory.path(), open)?;
        Ok(directory)
    });
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for made in made {
        match made {
            Ok(directory) => return Ok(directory),
            Err(error) => last = error,
        }
    }
    Err(HarnessError::Io("no temporary directory", last).into())
}

/// Whether a name has an address here.
fn is_known(name: &str) -> bool {
    (name, 80).to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some())
}
