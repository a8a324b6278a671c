//! One caller of the service, as an application is one.

use std::time::{Duration, Instant};

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::grpc::proto::executor_service_client::ExecutorServiceClient;
use crate::grpc::proto::{ExecutionRequest, ExecutionResponse};

/// No answer for so long is a failure.
const PATIENCE: Duration = Duration::from_secs(330);

/// A program, and its answer.
#[derive(Clone, Copy)]
pub struct Program {
    pub code: &'static str,
    pub answer: &'static str,
}

/// That of most measurements.
pub const ADD: Program = Program { code: "result = 2 + 2", answer: "4" };
/// One that imports a large module and uses it.
pub const NUMPY: Program =
    Program { code: "import numpy\nresult = int(numpy.arange(5).sum())", answer: "10" };

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

    /// The service's answer to `message`, or why there is none.
    pub async fn answer(&mut self, message: ExecutionRequest) -> Result<ExecutionResponse, Status> {
        let mut request = Request::new(message);
        request.set_timeout(PATIENCE);
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        self.client.execute(request).await.map(Response::into_inner)
    }

    /// Runs a program; what it could not do is a sentence.
    pub async fn execute(
        &mut self,
        message: ExecutionRequest,
    ) -> Result<ExecutionResponse, String> {
        let answered = self.answer(message).await;
        let answer =
            answered.map_err(|status| format!("{:?}: {}", status.code(), status.message()))?;
        if answer.success {
            Ok(answer)
        } else {
            // The reference's answers have no type.
            let kind = Some(answer.error_type).filter(|kind| !kind.is_empty());
            Err(kind.map_or_else(String::new, |kind| format!("{kind}: ")) + &answer.error)
        }
    }

    /// Runs `program` and looks at what it answers.
    pub async fn run(&mut self, program: Program) -> Sample {
        let code = program.code.to_owned();
        // The reference takes no time to be none at all, where codemode takes it to be its own limit.
        let message = ExecutionRequest { code, timeout: 30, ..ExecutionRequest::default() };
        let begun = Instant::now();
        let answered = self.execute(message).await;
        let took = begun.elapsed();
        let failure = match answered {
            Ok(answer) if answer.result == program.answer => None,
            Ok(answer) => Some(format!("{} was {:?}", program.answer, answer.result)),
            Err(why) => Some(why),
        };
        Sample { begun, took, failure }
    }
}
