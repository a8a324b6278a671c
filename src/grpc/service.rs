//! `codemode.ExecutorService`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prost_types::Struct;
use tokio::sync::watch;
use tonic::{Code, Request, Response, Status};
use tracing::Instrument as _;

use super::admission::Admission;
use super::answer::{answer, error, rejected};
use super::counted::Reached;
use super::main_app::{MainApp, RunTools, select};
use super::metadata::{Trace, patience};
use super::proto::executor_service_server::ExecutorService;
use super::proto::{ExecutionRequest, ExecutionResponse, HealthResponse};
use super::request::{Asked, Rejected, check};
use super::structs::to_json;
use crate::config::{Limits, Security};
use crate::engine::Engine;
use crate::observe::{Call, Observer, Refused, State};
use crate::policy;
use crate::supervise::output::Sink;
use crate::supervise::{self, ToolSet};

/// The executor.
pub struct Executor {
    /// Makes and runs sandboxes.
    pub engine: Engine,
    /// Limits of a run.
    pub run_limits: policy::Limits,
    /// Limits of requests.
    pub limits: Limits,
    /// What is refused by its text.
    pub security: Security,
    /// Whose tools the code calls.
    pub main_app: Arc<MainApp>,
    /// How many run and wait.
    pub admission: Admission,
    /// Turns true when the runs that are left must end.
    pub stop: watch::Receiver<bool>,
    /// Told of every call.
    pub observer: Arc<Observer>,
    /// Whether callers show a key.
    pub by_key: bool,
}

/// Time taken off a caller's patience, so that its answer is on the way before it gives up.
const HEAD_START: Duration = Duration::from_millis(250);

impl Executor {
    /// What is read off it for the metrics.
    pub fn state(&self) -> State {
        State {
            queued: self.admission.waiting(),
            running: self.admission.running(),
            ready: self.engine.waiting(),
            launcher_restarts: self.engine.launcher_restarts(),
        }
    }

    async fn execute_observed(
        &self,
        request: ExecutionRequest,
        trace: Trace,
        deadline: Option<Instant>,
        mut call: Call,
    ) -> Result<ExecutionResponse, Status> {
        let outcome = match check(&request, &self.limits, &self.security) {
            Ok(asked) => self.execute_checked(request, asked, &trace, deadline, &mut call).await,
            Err(rejected) => Ok(Err(rejected)),
        };
        let (id, took) = (trace.correlation_id, call.took());
        match outcome {
            Ok(Ok((report, limits))) => {
                let error = error(&report, &limits);
                call.ran(&report, error.1);
                Ok(answer(report, error, id, took))
            }
            Ok(Err(reason)) => {
                call.refused(reason.reason, &reason.error, Code::Ok);
                Ok(rejected(reason, id, took))
            }
            Err(status) => {
                let full = status.code() == Code::ResourceExhausted;
                let reason = if full { Refused::QueueFull } else { Refused::ShuttingDown };
                call.refused(reason, status.message(), status.code());
                Err(status)
            }
        }
    }

    /// The only statuses it answers are those of the admission.
    async fn execute_checked(
        &self,
        request: ExecutionRequest,
        asked: Asked,
        trace: &Trace,
        deadline: Option<Instant>,
        call: &mut Call,
    ) -> Result<Outcome, Status> {
        let queued = Instant::now();
        let _place = self.admission.enter().await?;
        call.queued(queued);
        let tools = match self.tools(&request, &asked, trace, call).await {
            Ok(tools) => tools,
            Err(error) => return Ok(Err(Rejected::tools(error))),
        };
        let mut limits = self.run_limits;
        limits.wall_time = asked.timeout;
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = left.saturating_sub(HEAD_START.min(left / 2));
            limits.wall_time = limits.wall_time.min(left);
        }
        let run = supervise::Request {
            code: request.code,
            filename: "<codemode>".to_owned(),
            argv: vec!["-c".to_owned()],
            config: to_json(Some(&request.config.unwrap_or_default())),
            context: to_json(request.context.as_ref()),
            tools,
            limits,
            required: asked.required,
            stdin: None,
            stdout: Sink::Keep,
            stderr: Sink::Keep,
        };
        let mut stop = self.stop.clone();
        let cancel = async move {
            // A sender that is gone means the same.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        call.handed_over();
        let report = self.engine.run(run, cancel).await;
        Ok(Ok((report, limits)))
    }

    async fn tools(
        &self,
        request: &ExecutionRequest,
        asked: &Asked,
        trace: &Trace,
        call: &Call,
    ) -> Result<ToolSet, String> {
        // The tools of a run that is refused anyway are nobody's business.
        if request.available_tools.is_empty() || self.engine.refusal().is_some() {
            return Ok(ToolSet::default());
        }
        let asked_at = Instant::now();
        let trace = trace.under(call.traceparent());
        let known = self.main_app.tools(&request.available_tools, &trace).await?;
        call.listed(asked_at);
        let names = select(&request.available_tools, &known)?;
        let server = RunTools {
            app: Arc::clone(&self.main_app),
            trace,
            context: non_empty(request.context.as_ref()),
            patience: asked.tool_call_timeout,
            watch: call.watch(),
        };
        Ok(ToolSet { names, server: Some(Arc::new(server)) })
    }

    fn health(&self, status: &str) -> Response<HealthResponse> {
        Response::new(HealthResponse {
            status: status.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            main_app_target: self.main_app.target.clone(),
        })
    }
}

type Outcome = Result<(crate::report::Report, policy::Limits), Rejected>;

fn non_empty(context: Option<&Struct>) -> Option<Struct> {
    context.filter(|context| !context.fields.is_empty()).cloned()
}

#[tonic::async_trait]
impl ExecutorService for Executor {
    /// A caller that goes away drops this future, and with it the run.
    async fn execute(
        &self,
        request: Request<ExecutionRequest>,
    ) -> Result<Response<ExecutionResponse>, Status> {
        let begun = Instant::now();
        if let Some(reached) = request.extensions().get::<Reached>() {
            reached.set();
        }
        let caller = super::caller::of(request.extensions(), self.by_key);
        let trace = Trace::new(request.metadata(), &request.get_ref().correlation_id);
        let deadline = patience(request.metadata()).map(|patience| begun + patience);
        let request = request.into_inner();
        let (id, parent) = (&trace.correlation_id, trace.parent());
        let call = Call::begin(&self.observer, caller, id, parent, &request.code);
        let log = call.log();
        let run = self.execute_observed(request, trace, deadline, call).instrument(log);
        run.await.map(Response::new)
    }

    async fn health(&self, _: Request<()>) -> Result<Response<HealthResponse>, Status> {
        let status = if self.engine.is_alive() { "healthy" } else { "unhealthy" };
        Ok(self.health(status))
    }

    async fn ready(&self, _: Request<()>) -> Result<Response<HealthResponse>, Status> {
        // A client that knows nothing of ours takes any other word than `ready` for a no.
        let status = if self.engine.refusal().is_some() {
            "refusing"
        } else if self.main_app.is_ready().await {
            "ready"
        } else {
            "unreachable"
        };
        Ok(self.health(status))
    }
}
