//! Runs a case by a service: one that prove has started, or one that runs elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::application::{HOLD, ProveTools, TOOLS};
use super::{Answer, Honest, Job, Ran, hold, report_of, watched};
use crate::grpc::proto::ExecutionRequest;
use crate::harness::application::Application;
use crate::harness::caller::Caller;
use crate::harness::service::{COLD, Service, Setup, Start};
use crate::prove::corpus::Case;
use crate::prove::header::{Need, Observer};
use crate::prove::observe::Witness;
use crate::prove::program::{self, Hold};
use crate::prove::secrets::Secret;
use crate::report::Started;

/// So much longer than the case allows is waited for an answer, to tell how late it was.
const LATE: Duration = Duration::from_secs(5);

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
    ) -> Result<Self, String> {
        let start = match start {
            Started::Warm => Start::Warm,
            Started::Fresh => Start::Fresh,
        };
        let mut variables = vec![start.setting(), ("CODEMODE_MAX_CODE_LENGTH", "100000")];
        variables.extend(COLD);
        variables.extend(settings.variables.iter().map(|(name, value)| (*name, value.as_str())));
        let service = Service::start(setup, &variables).await.map_err(|error| error.to_string())?;
        let key = Secret { place: "of the service's key", value: service.key().to_owned() };
        Ok(Self { service, application, key })
    }

    /// Runs a case; the program `first` before it.
    ///
    /// # Errors
    /// If the service can't be called.
    pub async fn run(
        &self,
        job: &Job<'_>,
        timeout: i32,
        first: Option<&str>,
    ) -> Result<Ran, String> {
        let mut caller = self.service.caller().await.map_err(|error| error.to_string())?;
        let ask = Ask {
            scene_tag: &job.scene.tag,
            aim: job.scene.aim(),
            correlation: &job.scene.marker,
            timeout,
        };
        let patience = job.case.header.within + LATE;
        if let Some(first) = first {
            let message = ask.request(job.case, first);
            answer(&mut caller, message, patience)
                .await
                .map_err(|why| format!("the program before it: {why}"))?;
        }
        let witness = Witness::new(self.service.guard(), &job.scene.marker);
        let honest = job
            .case
            .header
            .observers
            .contains(&Observer::Neighbour)
            .then(|| Honest::new(job.scene.marker.clone()));
        let mut other = caller.clone();
        let both = async {
            let neighbour = async {
                match &honest {
                    Some(honest) => {
                        let message = ExecutionRequest {
                            code: honest.source(),
                            ..ExecutionRequest::default()
                        };
                        Some(answer(&mut other, message, patience).await)
                    }
                    None => None,
                }
            };
            tokio::join!(
                answer(&mut caller, ask.request(job.case, &job.case.source), patience),
                neighbour
            )
        };
        let let_go = || self.application.let_go(&job.scene.marker);
        let ((answer, beside), witness, left) = watched(job, witness, let_go, both).await;
        Ok(Ran {
            answer,
            witness: Some(witness),
            left: Some(left),
            neighbour: honest.zip(beside).map(|(honest, answer)| honest.judge(&answer)),
            calls: self.application.calls(&job.scene.marker),
            secrets: vec![self.key.clone()],
        })
    }
}

/// What runs of one case are asked with.
struct Ask<'a> {
    scene_tag: &'a str,
    aim: serde_json::Map<String, serde_json::Value>,
    correlation: &'a str,
    timeout: i32,
}

impl Ask<'_> {
    fn request(&self, case: &Case, source: &str) -> ExecutionRequest {
        let tools = case.header.needs.contains(&Need::Tools);
        let way = hold(case, false, true);
        let mut names: Vec<String> = Vec::new();
        if tools {
            names.extend(TOOLS.map(str::to_owned));
        }
        if way == Hold::Tool {
            names.push(HOLD.to_owned());
        }
        ExecutionRequest {
            code: program::compose(source, &self.aim, self.scene_tag, way, case.header.budget()),
            available_tools: names,
            timeout: self.timeout,
            correlation_id: self.correlation.to_owned(),
            ..ExecutionRequest::default()
        }
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
