//! A main application of our own: a `ToolService` on a loopback port.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::HarnessError;
use crate::grpc::proto::tool_service_server::{ToolService, ToolServiceServer};

/// Serves `T` until it is dropped.
pub struct Application<T> {
    address: SocketAddr,
    tools: Arc<T>,
    task: JoinHandle<()>,
}

impl<T: ToolService> Application<T> {
    /// Serves `tools` at `address`; port 0 is any that is free.
    ///
    /// # Errors
    /// [`HarnessError::Io`].
    pub async fn start(address: SocketAddr, tools: T) -> Result<Self, HarnessError> {
        let io = |error| HarnessError::Io("no port for the main application", error);
        let listener = TcpListener::bind(address).await.map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        let tools = Arc::new(tools);
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

    /// `host:port`, as a service is told.
    pub fn target(&self) -> String {
        self.address.to_string()
    }
}

impl<T> Deref for Application<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.tools
    }
}

impl<T> Drop for Application<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
