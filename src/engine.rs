//! The one place that puts the pieces together: policy and interpreter in, reports out.

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::plan::{self, Interpreter, PlanError};
use crate::policy::domains::DomainPolicy;
use crate::policy::{Limits, Policy};
use crate::report::{self, Report};
use crate::sandbox::client::{self, Spawned};
use crate::sandbox::enforced::{Profile, Refusal};
use crate::supervise::{self, Observed, Pool, Request};

pub use crate::sandbox::client::LaunchError;
pub use crate::supervise::Ready;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No plan could be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The launcher can't work here.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The runtime can't take the launcher's socket.
    #[error("cannot attach the launcher: {0}")]
    Attach(#[from] io::Error),
}

/// An engine whose launcher is set up, before the process has threads or a runtime.
pub struct Prepared {
    spawned: Spawned,
    domains: Arc<DomainPolicy>,
}

/// Starts the launcher, which loads while the caller finds out what it wants. `binary` is the
/// `codemode` executable.
///
/// To be called before the process has other threads or gives up its privileges.
///
/// # Errors
/// [`EngineError::Launch`].
pub fn begin(binary: &Path) -> Result<Begun, EngineError> {
    Ok(Begun(client::begin(binary)?))
}

/// An engine whose launcher has been started.
pub struct Begun(client::Begun);

impl Begun {
    /// Makes the plan and sets the launcher up; `keep` has it started again should it die.
    ///
    /// # Errors
    /// [`EngineError`]: what the host lacks, and the fix.
    pub fn prepare(
        self,
        policy: &Policy,
        interpreter: &Interpreter,
        keep: bool,
    ) -> Result<Prepared, EngineError> {
        let plan = plan::make(policy, interpreter, keep)?;
        let spawned = self.0.set_up(&plan)?;
        Ok(Prepared { spawned, domains: Arc::new(policy.domains.clone()) })
    }
}

impl Prepared {
    /// What a run would get on this host.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        self.spawned.profile()
    }

    /// Moves the calling thread, and all that it starts, to the processors that runs leave to the
    /// service. Before there is a runtime.
    ///
    /// # Errors
    /// As `sched_setaffinity(2)`.
    pub fn make_way(&self) -> io::Result<()> {
        let processors = &self.profile().processors;
        if processors.is_empty() {
            return Ok(());
        }
        let mut set = CpuSet::new();
        processors.iter().try_for_each(|processor| set.set(*processor))?;
        Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
    }

    /// Attaches the engine to the current tokio runtime. As many sandboxes as `ready` says wait for runs with
    /// `limits`.
    ///
    /// # Errors
    /// [`EngineError::Attach`].
    pub fn attach(self, limits: Limits, ready: Ready) -> Result<Engine, EngineError> {
        let launcher = Arc::new(self.spawned.attach()?);
        let sandboxes = Sandboxes::Made(Pool::new(launcher, limits, ready));
        Ok(Engine { sandboxes, domains: self.domains })
    }
}

/// Runs programs, each in a sandbox of its own.
pub struct Engine {
    sandboxes: Sandboxes,
    domains: Arc<DomainPolicy>,
}

enum Sandboxes {
    Made(Pool),
    /// None can be made on this host: every run is told why.
    Refused(Box<(Refusal, Profile)>),
}

impl Engine {
    /// An engine for a host where no sandbox can be made: it answers every run with `refusal`.
    #[must_use]
    pub fn refusing(refusal: Refusal) -> Self {
        let profile = Profile::of_refusal(&refusal);
        Self {
            sandboxes: Sandboxes::Refused(Box::new((refusal, profile))),
            domains: Arc::default(),
        }
    }

    /// Runs one program and returns when nothing of it is left. Resolving `cancel` ends it early;
    /// dropping the future ends it without a report.
    pub async fn run(&self, request: Request, cancel: impl Future<Output = ()>) -> Report {
        let limits = request.limits;
        let pool = match &self.sandboxes {
            Sandboxes::Made(pool) => pool,
            Sandboxes::Refused(refused) => {
                let refusal = Some(refused.0.clone());
                let observed = Observed { refusal, ..Observed::default() };
                return report::report(&observed, &limits, &refused.1);
            }
        };
        let absent = self
            .profile()
            .walls
            .iter()
            .find(|standing| !standing.standing && request.required.contains(&standing.wall));
        if let Some(standing) = absent {
            let observed = Observed { refusal: Some(standing.refusal()), ..Observed::default() };
            return report::report(&observed, &limits, self.profile());
        }
        let observed = supervise::run(pool, &self.domains, request, cancel).await;
        report::report(&observed, &limits, self.profile())
    }

    /// What a run gets on this host.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        match &self.sandboxes {
            Sandboxes::Made(pool) => pool.launcher().profile(),
            Sandboxes::Refused(refused) => &refused.1,
        }
    }

    /// Whether nothing has gone away that was there to make sandboxes.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        match &self.sandboxes {
            Sandboxes::Made(pool) => pool.launcher().is_alive(),
            Sandboxes::Refused(_) => true,
        }
    }

    /// How many sandboxes stand and wait for a run.
    #[must_use]
    pub fn waiting(&self) -> usize {
        match &self.sandboxes {
            Sandboxes::Made(pool) => pool.waiting(),
            Sandboxes::Refused(_) => 0,
        }
    }

    /// How often the launcher had to be started anew.
    #[must_use]
    pub fn launcher_restarts(&self) -> u64 {
        match &self.sandboxes {
            Sandboxes::Made(pool) => pool.launcher().restarts(),
            Sandboxes::Refused(_) => 0,
        }
    }

    /// Why no run starts on this host, if none does.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.sandboxes {
            Sandboxes::Made(_) => None,
            Sandboxes::Refused(refused) => Some(&refused.0),
        }
    }
}
