//! One caller of the service, as an application is one.

use std::time::{Duration, Instant};

use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;

use crate::grpc::proto::executor_service_client::ExecutorServiceClient;
use crate::grpc::proto::{ExecutionRequest, ExecutionResponse};

/// No answer for so long is a failure.
const PATIENCE: Duration = Duration::from_secs(330);

/// The program of most measurements, and its answer.
const PROGRAM: &str = "result = 2 + 2";
const RESULT: &str = "4";

/// A connection, and the key.
#[derive(Clone)]
pub struct Caller {
    client: ExecutorServiceClient<Channel>,
    bearer: Option<MetadataValue<Ascii>>,
}

/// One run as its caller saw it.
pub struct Sample {
    pub begun: Instant,
    pub took: Duration,
    pub failure: Option<String>,
}

impl Caller {
    pub fn new(channel: Channel, key: &str) -> Self {
        let client = ExecutorServiceClient::new(channel).max_decoding_message_size(64 << 20);
        Self { client, bearer: format!("Bearer {key}").parse().ok() }
    }

    pub async fn health(&mut self) -> Result<(), String> {
        self.client.health(()).await.map(drop).map_err(|status| status.to_string())
    }

    /// Runs a program; what it could not do is a sentence.
    pub async fn execute(
        &mut self,
        message: ExecutionRequest,
    ) -> Result<ExecutionResponse, String> {
        let mut request = Request::new(message);
        request.set_timeout(PATIENCE);
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        let answered = self.client.execute(request).await;
        let answer = answered
            .map_err(|status| format!("{:?}: {}", status.code(), status.message()))?
            .into_inner();
        if answer.success {
            Ok(answer)
        } else {
            Err(format!("{}: {}", answer.error_type, answer.error))
        }
    }

    /// Runs `result = 2 + 2`.
    pub async fn add(&mut self) -> Sample {
        let message = ExecutionRequest { code: PROGRAM.to_owned(), ..ExecutionRequest::default() };
        let begun = Instant::now();
        let answered = self.execute(message).await;
        let took = begun.elapsed();
        let failure = match answered {
            Ok(answer) if answer.result == RESULT => None,
            Ok(answer) => Some(format!("2 + 2 was {:?}", answer.result)),
            Err(why) => Some(why),
        };
        Sample { begun, took, failure }
    }
}
