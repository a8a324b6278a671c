//! The main application of the bench: two tools behind a `ToolService`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::BenchError;
use crate::grpc::proto::tool_service_server::{ToolService, ToolServiceServer};
use crate::grpc::proto::{
    GetToolSchemaRequest, GetToolSchemaResponse, ListToolsResponse, ToolCallRequest,
    ToolCallResponse, ToolInfo,
};

/// Answers its argument `value` at once.
pub const ECHO: &str = "echo";
/// Answers its argument `value` once all are let go.
pub const HOLD: &str = "hold";

/// Serves until it is dropped.
pub struct Application {
    address: SocketAddr,
    tools: Arc<BenchTools>,
    task: JoinHandle<()>,
}

struct BenchTools {
    /// When a call with this value came in.
    arrived: Mutex<HashMap<u64, Instant>>,
    /// How long each answer of `echo` took here, by value.
    took: Mutex<HashMap<u64, Duration>>,
    open: watch::Sender<bool>,
}

impl Application {
    pub async fn start() -> Result<Self, BenchError> {
        let io = |error| BenchError::Io("no port for the main application", error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        let tools = Arc::new(BenchTools {
            arrived: Mutex::default(),
            took: Mutex::default(),
            open: watch::Sender::new(false),
        });
        let service = ToolServiceServer::from_arc(Arc::clone(&tools));
        // Here and not on the builder, which sets it for sockets that it opened itself only.
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let task = tokio::spawn(async move {
            // Its end is seen by the calls that fail.
            // As many calls wait at once as there are runs.
            let server = Server::builder().max_concurrent_streams(u32::MAX).add_service(service);
            let _ = server.serve_with_incoming(incoming).await;
        });
        Ok(Self { address, tools, task })
    }

    pub fn target(&self) -> String {
        self.address.to_string()
    }

    /// How many calls of `hold` have come in since all were let go last.
    pub fn held(&self) -> usize {
        lock(&self.tools.arrived).len()
    }

    /// Lets all calls of `hold` go, and says when each came in.
    pub fn let_go(&self) -> HashMap<u64, Instant> {
        self.tools.open.send_replace(true);
        std::mem::take(&mut *lock(&self.tools.arrived))
    }

    /// Calls of `hold` wait from now on.
    pub fn hold(&self) {
        self.tools.open.send_replace(false);
    }

    /// How long each answer of `echo` took, by value, since this was last asked.
    pub fn took(&self) -> HashMap<u64, Duration> {
        std::mem::take(&mut *lock(&self.tools.took))
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.task.abort();
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
