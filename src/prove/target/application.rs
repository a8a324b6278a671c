//! The main application of a proof: it remembers who called what.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::grpc::proto::tool_service_server::ToolService;
use crate::grpc::proto::{
    GetToolSchemaRequest, GetToolSchemaResponse, ListToolsResponse, ToolCallRequest,
    ToolCallResponse, ToolInfo,
};
use crate::grpc::to_json;

/// Answers its argument `value`.
const ECHO: &str = "echo";
/// Answers that it could not.
const FAIL: &str = "fail";
/// Answers once its run was looked at. It is prove's, and not counted.
pub const HOLD: &str = "hold";
/// Those that a case may use.
pub const TOOLS: [&str; 2] = [ECHO, FAIL];

/// So many calls of a run are remembered whole.
const MOST: usize = 4096;

/// See the module.
#[derive(Default)]
pub struct ProveTools {
    /// By correlation id.
    calls: Mutex<HashMap<String, Vec<(String, String)>>>,
    /// How often each run was let go on.
    gates: Mutex<HashMap<String, watch::Sender<u32>>>,
}

impl ProveTools {
    /// All calls of a run so far, but for those of [`HOLD`].
    pub fn calls(&self, correlation: &str) -> Vec<(String, String)> {
        lock(&self.calls).remove(correlation).unwrap_or_default()
    }

    /// Has all calls of [`HOLD`] of a run answered, now and later.
    pub fn let_go(&self, correlation: &str) {
        self.gate(correlation).send_modify(|count| *count += 1);
    }

    fn gate(&self, correlation: &str) -> watch::Sender<u32> {
        let mut gates = lock(&self.gates);
        gates.entry(correlation.to_owned()).or_insert_with(|| watch::Sender::new(0)).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tonic::async_trait]
impl ToolService for ProveTools {
    async fn call_tool(
        &self,
        request: Request<ToolCallRequest>,
    ) -> Result<Response<ToolCallResponse>, Status> {
        let call = request.into_inner();
        if call.tool_name == HOLD {
            let gate = self.gate(&call.correlation_id);
            let _ = gate.subscribe().wait_for(|count| *count > 0).await;
            return Ok(Response::new(answered(Value { kind: Some(Kind::NullValue(0)) })));
        }
        let arguments = call.arguments.unwrap_or_default();
        {
            let mut calls = lock(&self.calls);
            let calls = calls.entry(call.correlation_id.clone()).or_default();
            // The rest is still counted.
            let text = if calls.len() < MOST {
                to_json(Some(&arguments)).get().to_owned()
            } else {
                String::new()
            };
            calls.push((call.tool_name.chars().take(200).collect(), text));
        }
        match call.tool_name.as_str() {
            ECHO => {
                let value = arguments.fields.get("value").cloned();
                Ok(Response::new(answered(
                    value.unwrap_or(Value { kind: Some(Kind::NullValue(0)) }),
                )))
            }
            FAIL => {
                let error = "this tool always fails".to_owned();
                Ok(Response::new(ToolCallResponse { error, ..ToolCallResponse::default() }))
            }
            _ => Err(Status::not_found("there are echo and fail")),
        }
    }

    async fn list_tools(&self, _: Request<()>) -> Result<Response<ListToolsResponse>, Status> {
        let tool = |name: &str| ToolInfo { name: name.to_owned(), ..ToolInfo::default() };
        let tools = TOOLS.iter().chain([&HOLD]).map(|name| tool(name)).collect();
        Ok(Response::new(ListToolsResponse { tools }))
    }

    async fn get_tool_schema(
        &self,
        _: Request<GetToolSchemaRequest>,
    ) -> Result<Response<GetToolSchemaResponse>, Status> {
        Err(Status::unimplemented("there are no schemas here"))
    }
}

fn answered(value: Value) -> ToolCallResponse {
    ToolCallResponse {
        success: true,
        result: Some(Struct { fields: [("__codemode_value__".to_owned(), value)].into() }),
        ..ToolCallResponse::default()
    }
}
