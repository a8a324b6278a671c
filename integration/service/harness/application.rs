//! A main application with a few tools.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codemode::grpc::proto::tool_service_server::{ToolService, ToolServiceServer};
use codemode::grpc::proto::{
    GetToolSchemaRequest, GetToolSchemaResponse, ListToolsResponse, ToolCallRequest,
    ToolCallResponse, ToolInfo,
};
use prost_types::Struct;
use prost_types::value::Kind;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// A main application: `echo`, `mark`, whose values are counted, `sleep` (seconds), `fail`, and `hold`,
/// a mark that is answered once let go.
pub struct MainApp {
    pub address: SocketAddr,
    pub tools: Arc<TestTools>,
    task: JoinHandle<()>,
}

impl MainApp {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let tools = Arc::new(TestTools::default());
        let service = ToolServiceServer::from_arc(Arc::clone(&tools));
        let task = tokio::spawn(async move {
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, tools, task }
    }

    pub fn target(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for MainApp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub struct TestTools {
    /// The metadata of every call so far.
    pub seen: Mutex<Vec<MetadataMap>>,
    /// One permit lets one `hold` go.
    pub holding: Semaphore,
    /// How often each value was marked: what a program does once for each time that it runs.
    pub marks: Mutex<HashMap<String, usize>>,
}

impl Default for TestTools {
    fn default() -> Self {
        Self { seen: Mutex::default(), holding: Semaphore::new(0), marks: Mutex::default() }
    }
}

#[tonic::async_trait]
impl ToolService for TestTools {
    async fn call_tool(
        &self,
        request: Request<ToolCallRequest>,
    ) -> Result<Response<ToolCallResponse>, Status> {
        self.seen.lock().unwrap().push(request.metadata().clone());
        let request = request.into_inner();
        if request.tool_name == "fail" {
            let error = "no luck".to_owned();
            return Ok(Response::new(ToolCallResponse { error, ..ToolCallResponse::default() }));
        }
        let arguments = request.arguments.unwrap_or_default();
        let argument = arguments.fields.get("value").cloned().unwrap_or_default();
        if let ("sleep", Some(Kind::NumberValue(seconds))) =
            (request.tool_name.as_str(), &argument.kind)
        {
            tokio::time::sleep(Duration::from_secs_f64(*seconds)).await;
        }
        if let ("mark" | "hold", Some(Kind::StringValue(value))) =
            (request.tool_name.as_str(), &argument.kind)
        {
            *self.marks.lock().unwrap().entry(value.clone()).or_default() += 1;
        }
        if request.tool_name == "hold" {
            self.holding.acquire().await.unwrap().forget();
        }
        let result = Struct { fields: [("__codemode_value__".to_owned(), argument)].into() };
        Ok(Response::new(ToolCallResponse {
            success: true,
            result: Some(result),
            ..ToolCallResponse::default()
        }))
    }

    async fn list_tools(&self, _: Request<()>) -> Result<Response<ListToolsResponse>, Status> {
        let tool = |name: &str| ToolInfo { name: name.to_owned(), ..ToolInfo::default() };
        Ok(Response::new(ListToolsResponse {
            tools: ["echo", "mark", "sleep", "fail", "hold"].map(tool).into(),
        }))
    }

    async fn get_tool_schema(
        &self,
        _: Request<GetToolSchemaRequest>,
    ) -> Result<Response<GetToolSchemaResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}
