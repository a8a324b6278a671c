//! The main application of the bench: two tools behind a `ToolService`.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use super::BenchError;
use crate::grpc::proto::tool_service_server::ToolService;
use crate::grpc::proto::{
    GetToolSchemaRequest, GetToolSchemaResponse, ListToolsResponse, ToolCallRequest,
    ToolCallResponse, ToolInfo,
};
use crate::harness::application;

/// Answers its argument `value` at once.
pub const ECHO: &str = "echo";
/// Answers its argument `value` once all are let go.
pub const HOLD: &str = "hold";

/// Serves until it is dropped.
pub type Application = application::Application<BenchTools>;

pub struct BenchTools {
    /// When a call with this value came in.
    arrived: Mutex<HashMap<u64, Instant>>,
    /// How long each answer of `echo` took here, by value.
    took: Mutex<HashMap<u64, Duration>>,
    open: watch::Sender<bool>,
}

pub async fn start() -> Result<Application, BenchError> {
    let tools = BenchTools {
        arrived: Mutex::default(),
        took: Mutex::default(),
        open: watch::Sender::new(false),
    };
    Application::start((Ipv4Addr::LOCALHOST, 0).into(), tools).await
}

impl BenchTools {
    /// How many calls of `hold` have come in since all were let go last.
    pub fn held(&self) -> usize {
        lock(&self.arrived).len()
    }

    /// Lets all calls of `hold` go, and says when each came in.
    pub fn let_go(&self) -> HashMap<u64, Instant> {
        self.open.send_replace(true);
        std::mem::take(&mut *lock(&self.arrived))
    }

    /// Calls of `hold` wait from now on.
    pub fn hold(&self) {
        self.open.send_replace(false);
    }

    /// How long each answer of `echo` took, by value, since this was last asked.
    pub fn took(&self) -> HashMap<u64, Duration> {
        std::mem::take(&mut *lock(&self.took))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tonic::async_trait]
impl ToolService for BenchTools {
    async fn call_tool(
        &self,
        request: Request<ToolCallRequest>,
    ) -> Result<Response<ToolCallResponse>, Status> {
        let begun = Instant::now();
        let call = request.into_inner();
        let value = call.arguments.and_then(|arguments| arguments.fields.get("value").cloned());
        let Some(Value { kind: Some(Kind::NumberValue(number)) }) = value else {
            return Err(Status::invalid_argument("value is no number"));
        };
        let number = number as u64;
        match call.tool_name.as_str() {
            ECHO => {}
            HOLD => {
                lock(&self.arrived).insert(number, begun);
                let _ = self.open.subscribe().wait_for(|open| *open).await;
            }
            _ => return Err(Status::not_found("there are echo and hold")),
        }
        let value = Value { kind: Some(Kind::NumberValue(number as f64)) };
        let response = ToolCallResponse {
            success: true,
            result: Some(Struct { fields: [("__codemode_value__".to_owned(), value)].into() }),
            ..ToolCallResponse::default()
        };
        if call.tool_name == ECHO {
            lock(&self.took).insert(number, begun.elapsed());
        }
        Ok(Response::new(response))
    }

    async fn list_tools(&self, _: Request<()>) -> Result<Response<ListToolsResponse>, Status> {
        let tool = |name: &str| ToolInfo { name: name.to_owned(), ..ToolInfo::default() };
        Ok(Response::new(ListToolsResponse { tools: [ECHO, HOLD].map(tool).into() }))
    }

    async fn get_tool_schema(
        &self,
        _: Request<GetToolSchemaRequest>,
    ) -> Result<Response<GetToolSchemaResponse>, Status> {
        Err(Status::unimplemented("there are no schemas here"))
    }
}
