//! The main application: its tools, and what is known of them.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prost_types::Struct;
use serde_json::Value;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use super::metadata::Trace;
use super::proto::tool_service_client::ToolServiceClient;
use super::proto::{ToolCallRequest, ToolCallResponse};
use super::structs::{from_json, tool_result_to_json};
use crate::config::{ClientTls, Secret};
use crate::observe::{ToolOutcome, ToolWatch};
use crate::supervise::{Answer, Tools};

/// Tries to fetch the tool list, one at a time.
const TRIES: u32 = 3;
const FETCH_PATIENCE: Duration = Duration::from_secs(5);
const READY_PATIENCE: Duration = Duration::from_secs(2);

/// Why the main application can't be spoken to at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MainAppError {
    /// The target is no authority.
    #[error("main_app_grpc_target {0:?} is not host:port")]
    Target(String),
    /// The TLS material is refused.
    #[error("callback_tls: {0}")]
    Tls(#[source] tonic::transport::Error),
}

/// Name → whether calls are awaited.
type Known = Arc<HashMap<String, bool>>;

struct Fetched {
    tools: Known,
    at: Instant,
}

/// One shared channel to the main application, and the tools it has.
pub struct MainApp {
    /// `host:port`.
    pub target: String,
    client: ToolServiceClient<Channel>,
    bearer: Option<MetadataValue<Ascii>>,
    ttl: Duration,
    fetched: Mutex<Option<Fetched>>,
    fetching: tokio::sync::Mutex<()>,
}

fn endpoint(target: &str, tls: Option<&ClientTls>) -> Result<Endpoint, MainAppError> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{target}"))
        .map_err(|_| MainAppError::Target(target.to_owned()))?
        .connect_timeout(FETCH_PATIENCE)
        .tcp_nodelay(true);
    let Some(tls) = tls else { return Ok(endpoint) };
    let mut config = ClientTlsConfig::new();
    config = match &tls.ca {
        Some(ca) => config.ca_certificate(Certificate::from_pem(ca)),
        None => config.with_native_roots(),
    };
    if let Some(identity) = &tls.identity {
        let key = identity.private_key.expose();
        config = config.identity(Identity::from_pem(&identity.cert_chain, key));
    }
    endpoint.tls_config(config).map_err(MainAppError::Tls)
}

impl MainApp {
    /// Prepares a channel; it connects with its first call. Answers larger than `largest` bytes
    /// are refused.
    ///
    /// # Errors
    /// [`MainAppError`].
    pub fn new(
        target: &str,
        tls: Option<&ClientTls>,
        key: Option<&Secret>,
        ttl: Duration,
        largest: usize,
    ) -> Result<Self, MainAppError> {
        let channel = endpoint(target, tls)?.connect_lazy();
        let bearer = key.and_then(|key| {
            let mut bearer: MetadataValue<Ascii> =
                format!("Bearer {}", key.expose()).parse().ok()?;
            bearer.set_sensitive(true);
            Some(bearer)
        });
        Ok(Self {
            target: target.to_owned(),
            client: ToolServiceClient::new(channel).max_decoding_message_size(largest),
            bearer,
            ttl,
            fetched: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        })
    }

    fn request<T>(&self, message: T, trace: &Trace, patience: Duration) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(patience);
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        trace.write(request.metadata_mut());
        request
    }

    async fn list(&self, trace: &Trace, patience: Duration) -> Result<Known, Status> {
        let request = self.request((), trace, patience);
        let mut client = self.client.clone();
        let listed = tokio::time::timeout(patience, client.list_tools(request))
            .await
            .map_err(|_| Status::deadline_exceeded("no answer"))??;
        let tools = listed.into_inner().tools;
        Ok(Arc::new(tools.into_iter().map(|tool| (tool.name, tool.is_async)).collect()))
    }

    /// Whether it answers.
    pub async fn is_ready(&self) -> bool {
        match self.list(&Trace::default(), READY_PATIENCE).await {
            Ok(_) => true,
            Err(status) => {
                tracing::warn!(target = self.target, code = ?status.code(), "main app unreachable");
                false
            }
        }
    }

    /// The tools known, if they are fresh and hold all of `wanted`.
    fn known(&self, wanted: &[String]) -> Option<Known> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let fetched = fetched.as_ref().filter(|fetched| fetched.at.elapsed() <= self.ttl)?;
        let has_all =
            wanted.iter().all(|name| is_meta_tool(name) || fetched.tools.contains_key(name));
        has_all.then(|| Arc::clone(&fetched.tools))
    }

    fn known_at_all(&self) -> Option<Known> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.as_ref().map(|fetched| Arc::clone(&fetched.tools))
    }

    /// What is known of the tools, fetched again if it is stale or lacks one of `wanted`.
    ///
    /// # Errors
    /// A sentence that says what to check, if nothing is known at all.
    pub async fn tools(&self, wanted: &[String], trace: &Trace) -> Result<Known, String> {
        if let Some(known) = self.known(wanted) {
            return Ok(known);
        }
        let _one_at_a_time = self.fetching.lock().await;
        if let Some(known) = self.known(wanted) {
            return Ok(known);
        }
        let mut last = Status::unknown("never tried");
        for attempt in 1..=TRIES {
            match self.list(trace, FETCH_PATIENCE).await {
                Ok(tools) => {
                    let fetched = Fetched { tools: Arc::clone(&tools), at: Instant::now() };
                    *self.fetched.lock().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
                    return Ok(tools);
                }
                Err(status) => last = status,
            }
            tracing::warn!(attempt, target = self.target, code = ?last.code(), "no tool list");
            if attempt < TRIES {
                tokio::time::sleep(Duration::from_millis(250) * attempt).await;
            }
        }
        self.known_at_all().ok_or_else(|| {
            format!(
                "Cannot fetch the tool list from the main application at {} ({}: {}). Check that \
                 its ToolService runs, that MAIN_APP_GRPC_TARGET names it (from a container \
                 host.docker.internal:50051, not localhost), and that both sides have the same \
                 CODEMODE_API_KEY and TLS settings.",
                self.target,
                last.code(),
                cut(last.message()),
            )
        })
    }
}

/// Meta-tools answer questions about tools; they are no reason to fetch the list.
#[must_use]
pub fn is_meta_tool(name: &str) -> bool {
    name.starts_with("__") && name.ends_with("__")
}

fn cut(text: &str) -> String {
    text.chars().take(500).collect()
}

/// The main application's tools as one run calls them.
pub struct RunTools {
    /// The application.
    pub app: Arc<MainApp>,
    /// Carried by every call.
    pub trace: Trace,
    /// The request's context, for calls without one of their own.
    pub context: Option<Struct>,
    /// The longest that one call may take.
    pub patience: Duration,
    /// Sees each call.
    pub watch: ToolWatch,
}

impl Tools for RunTools {
    fn call(
        &self,
        tool: String,
        arguments: Value,
        context: Option<Value>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let context = match context {
            Some(Value::Null) => None,
            Some(context) => Some(from_json(context)),
            None => self.context.clone(),
        };
        let message = ToolCallRequest {
            tool_name: tool.clone(),
            arguments: Some(from_json(arguments)),
            context,
            correlation_id: self.trace.correlation_id.clone(),
        };
        let watched = self.watch.begin(&tool);
        let trace = self.trace.under(watched.traceparent());
        let request = self.app.request(message, &trace, self.patience);
        let (mut client, patience) = (self.app.client.clone(), self.patience);
        Box::pin(async move {
            let answered = tokio::time::timeout(patience, client.call_tool(request)).await;
            let (answer, outcome) = answer(answered.ok(), &tool, patience);
            watched.end(outcome);
            answer
        })
    }
}

/// What the code gets for what the main application answered, if it did.
fn answer(
    answered: Option<Result<tonic::Response<ToolCallResponse>, Status>>,
    tool: &str,
    patience: Duration,
) -> (Answer, ToolOutcome) {
    let late = || {
        let seconds = patience.as_secs_f64();
        (Err(format!("Tool '{tool}' timed out after {seconds} seconds")), ToolOutcome::Timeout)
    };
    match answered {
        None => late(),
        Some(Err(status)) if is_timeout(&status) => late(),
        Some(Err(status)) => {
            let (code, why) = (status.code(), cut(status.message()));
            let error = format!("Tool '{tool}' could not be called: {code:?}: {why}");
            (Err(error), ToolOutcome::Unreachable)
        }
        Some(Ok(response)) => {
            let response = response.into_inner();
            if response.success {
                (Ok(tool_result_to_json(response.result.as_ref())), ToolOutcome::Ok)
            } else if response.error.is_empty() {
                (Err(format!("Tool {tool} failed")), ToolOutcome::Failed)
            } else {
                (Err(response.error), ToolOutcome::Failed)
            }
        }
    }
}

fn is_timeout(status: &Status) -> bool {
    status.code() == tonic::Code::DeadlineExceeded
        || status.code() == tonic::Code::Cancelled && status.message().contains("Timeout expired")
}

/// The kinds of `wanted` among `known`.
///
/// # Errors
/// A sentence naming the first tool that isn't known.
pub fn select(
    wanted: &[String],
    known: &HashMap<String, bool>,
) -> Result<HashMap<String, bool>, String> {
    wanted
        .iter()
        .map(|name| match known.get(name) {
            Some(is_async) => Ok((name.clone(), *is_async)),
            None if is_meta_tool(name) => Ok((name.clone(), false)),
            None => {
                let shown: String = name.chars().take(100).collect();
                let sorted: BTreeMap<_, _> = known.iter().collect();
                let known: Vec<&str> = sorted.into_keys().take(20).map(String::as_str).collect();
                Err(format!(
                    "Tool '{shown}' is not known to the main application; it has: {}",
                    known.join(", ")
                ))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_tools_are_named_and_meta_tools_pass() {
        let known = HashMap::from([("a".to_owned(), true)]);
        let selected = select(&["a".into(), "a".into(), "__list__".into()], &known).unwrap();
        assert_eq!(selected, HashMap::from([("a".into(), true), ("__list__".into(), false)]));
        assert!(select(&["b".into()], &known).unwrap_err().contains("'b'"));
    }

    #[test]
    fn a_target_that_is_none_is_refused() {
        assert!(endpoint("no host:1", None).is_err());
        assert!(endpoint("localhost:50051", None).is_ok());
    }
}
