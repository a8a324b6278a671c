//! Runs a case by a service: one that prove has started, or one that runs elsewhere.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::application::{HOLD, ProveTools, TOOLS};
use super::{Answer, Honest, Job, Ran, hold, report_of, watched};
use crate::grpc::proto::ExecutionRequest;
use crate::harness::application::Application;
use crate::harness::caller::Caller;
use crate::harness::service::{COLD, Service, Setup, setting};
use crate::prove::finding::Finding;
use crate::prove::header::Need;
use crate::prove::observe::Witness;
use crate::prove::patience::Patience;
use crate::prove::program::{self, Hold};
use crate::prove::secrets::Secret;
use crate::report::Started;

/// So long a run may take before any case.
const TRIAL: Duration = Duration::from_secs(100);

/// What the flags of `codemode run` are called in a service's environment.
const SETTINGS: [(&str, &str); 11] = [
    ("--cpu-time", "CODEMODE_CPU_TIME"),
    ("--memory", "CODEMODE_MEMORY_LIMIT"),
    ("--processes", "CODEMODE_PROCESS_LIMIT"),
    ("--open-files", "CODEMODE_OPEN_FILES"),
    ("--file-size", "CODEMODE_FILE_SIZE"),
    ("--scratch-size", "CODEMODE_SCRATCH_SIZE"),
    ("--scratch-inodes", "CODEMODE_SCRATCH_INODES"),
    ("--output", "CODEMODE_OUTPUT_LIMIT"),
    ("--network", "EXECUTOR_NETWORK_MODE"),
    ("--allow-domain", "CODEMODE_ALLOWED_DOMAINS"),
    ("--block-domain", "CODEMODE_BLOCKED_DOMAINS"),
];

/// Settings of a service, and what is asked of each run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Variables of the service.
    pub variables: Vec<(&'static str, String)>,
    /// Seconds, or 0 for the service's own.
    pub timeout: i32,
}

impl Settings {
    /// Those that do what these flags do.
    ///
    /// # Errors
    /// Names a flag that a service has no setting for.
    pub fn of(flags: &[String]) -> Result<Self, String> {
        let mut settings = Self { variables: Vec::new(), timeout: 0 };
        let mut words = flags.iter();
        while let Some(flag) = words.next() {
            let value = words.next().ok_or_else(|| format!("{flag} has no value"))?;
            if flag == "--timeout" {
                settings.timeout =
                    value.parse::<f64>().map_err(|_| format!("--timeout {value}"))?.ceil() as i32;
                continue;
            }
            let name = SETTINGS.iter().find(|(known, _)| known == flag).map(|(_, name)| *name);
            let name = name.ok_or_else(|| format!("a service takes no {flag}"))?;
            settings.variables.push((name, value.clone()));
        }
        Ok(settings)
    }
}

/// A service that prove has started.
pub struct Hosted {
    service: Service,
    application: Arc<Application<ProveTools>>,
    key: Secret,
}

impl Hosted {
    /// Starts one.
    ///
    /// # Errors
    /// Why it doesn't answer.
    pub async fn start(
        setup: &Setup,
        application: Arc<Application<ProveTools>>,
        start: Started,
        settings: &Settings,
        more: &[(&'static str, OsString)],
    ) -> Result<Self, String> {
        let mut variables = vec![setting(start), ("CODEMODE_MAX_CODE_LENGTH", "100000")];
        variables.extend(COLD);
        variables.extend(more.iter().filter_map(|(name, value)| Some((*name, value.to_str()?))));
        variables.extend(settings.variables.iter().map(|(name, value)| (*name, value.as_str())));
        let service = Service::start(setup, &variables).await.map_err(|error| error.to_string())?;
        let key = Secret { place: "of the service's key", value: service.key().to_owned() };
        Ok(Self { service, application, key })
    }

    /// A connection to it.
    ///
    /// # Errors
    /// If it is gone.
    pub async fn caller(&self) -> Result<Caller, String> {
        self.service.caller().await.map_err(|error| error.to_string())
    }

    /// Runs a case; the program `first` before it.
    ///
    /// # Errors
    /// If the service can't be called.
    pub async fn run(
        &self,
        job: &Job<'_>,
        mut caller: Caller,
        timeout: i32,
        first: Option<&str>,
    ) -> Result<Ran, String> {
        let marker = &job.names.marker;
        if let Some(first) = first {
            plant(&mut caller, job, first).await?;
        }
        let witness = Witness::new(self.service.guard(), marker);
        let let_go = |_| self.application.let_go(marker);
        let both = converse(caller, job, timeout, true);
        let ((answer, neighbour), witness, left) = watched(job, witness, true, let_go, both).await;
        Ok(Ran {
            answer,
            witness: Some(witness),
            left: Some(left),
            neighbour,
            calls: self.application.calls(marker),
            secrets: vec![self.key.clone()],
        })
    }
}

/// A service that runs elsewhere.
pub struct Remote {
    /// A connection to it.
    pub caller: Caller,
    /// Its application, if that is ours.
    pub application: Option<Arc<Application<ProveTools>>>,
    /// The key that its callers show.
    pub key: Secret,
    /// How much longer than usual everything may take.
    pub patience: Patience,
}

impl Remote {
    /// Runs a case; the program `first` before it. Nobody looks at its processes.
    ///
    /// # Errors
    /// If the service can't be called.
    pub async fn run(
        &self,
        job: &Job<'_>,
        timeout: i32,
        first: Option<&str>,
    ) -> Result<Ran, String> {
        if let Some(first) = first {
            plant(&mut self.caller.clone(), job, first).await?;
        }
        let held = self.application.is_some();
        let (answer, neighbour) = converse(self.caller.clone(), job, timeout, held).await;
        let calls =
            |application: &Arc<Application<ProveTools>>| application.calls(&job.names.marker);
        Ok(Ran {
            answer,
            witness: None,
            left: None,
            neighbour,
            calls: self.application.as_ref().map(calls).unwrap_or_default(),
            secrets: vec![self.key.clone()],
        })
    }

    /// Runs a program that attacks nothing.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn trial(&self) -> Result<Answer, String> {
        let code = "result = 2 + 2\n".to_owned();
        let message = ExecutionRequest { code, ..ExecutionRequest::default() };
        answer(&mut self.caller.clone(), message, self.patience.times(TRIAL)).await
    }
}

async fn plant(caller: &mut Caller, job: &Job<'_>, source: &str) -> Result<(), String> {
    let message = request(job, source, 0, false);
    let planted = answer(caller, message, job.patience()).await;
    planted.map(drop).map_err(|why| format!("the program before it: {why}"))
}

/// Runs the case, and an honest program beside it if the case wants one.
async fn converse(
    mut caller: Caller,
    job: &Job<'_>,
    timeout: i32,
    held: bool,
) -> (Result<Answer, String>, Option<Finding>) {
    let patience = job.patience();
    let mut other = caller.clone();
    let neighbour = async {
        let honest = Honest::of(job)?;
        let message = ExecutionRequest { code: honest.source(), ..ExecutionRequest::default() };
        Some(honest.judge(&answer(&mut other, message, patience).await))
    };
    let message = request(job, &job.case.source, timeout, held);
    tokio::join!(answer(&mut caller, message, patience), neighbour)
}

/// What a run of the case is asked with; `held` if a tool of ours can have it wait.
fn request(job: &Job<'_>, source: &str, timeout: i32, held: bool) -> ExecutionRequest {
    let case = job.case;
    let way = hold(case, false, held);
    let mut names: Vec<String> = Vec::new();
    if case.header.needs.contains(&Need::Tools) {
        names.extend(TOOLS.map(str::to_owned));
    }
    if way == Hold::Tool {
        names.push(HOLD.to_owned());
    }
    ExecutionRequest {
        code: program::compose(
            source,
            &job.aim,
            &job.names.tag,
            way,
            case.header.budget(),
            job.patience,
        ),
        available_tools: names,
        timeout,
        correlation_id: job.names.marker.clone(),
        ..ExecutionRequest::default()
    }
}

async fn answer(
    caller: &mut Caller,
    message: ExecutionRequest,
    patience: Duration,
) -> Result<Answer, String> {
    let begun = Instant::now();
    let answered = timeout(patience, caller.answer(message)).await;
    let answered = answered.map_err(|_| format!("no answer within {} s", patience.as_secs()))?;
    let answer = answered.map_err(|status| format!("{:?}: {}", status.code(), status.message()))?;
    let report = report_of(&answer)?;
    Ok(Answer { report, beside: answer.error, took: begun.elapsed() })
}
