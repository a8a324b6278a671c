//! A request arrives within a bounded time: what a caller begins and doesn't end is let go of.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

/// How long a request may take from its headers to its last byte.
const ARRIVING: Duration = Duration::from_secs(30);

/// The methods whose requests have an end; reflection and health have streams, and take little.
const EXECUTOR: &str = "/codemode.ExecutorService/";

/// Puts the clock around every service.
#[derive(Clone, Copy)]
pub struct Arriving;

impl<S> Layer<S> for Arriving {
    type Service = InTime<S>;

    fn layer(&self, inner: S) -> InTime<S> {
        InTime(inner)
    }
}

/// A service whose requests arrive in time or not at all.
#[derive(Clone)]
pub struct InTime<S>(S);

impl<S> Service<Request<Body>> for InTime<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        if !request.uri().path().starts_with(EXECUTOR) {
            return self.0.call(request);
        }
        self.0.call(request.map(|body| Body::new(Timed { body, clock: Box::pin(sleep(ARRIVING)) })))
    }
}

struct Timed {
    body: Body,
    clock: Pin<Box<Sleep>>,
}

impl hyper::body::Body for Timed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if polled.is_pending() && this.clock.as_mut().poll(context).is_ready() {
            // Nothing of it has run: the caller may try again.
            let late = format!("the request did not arrive within {} s", ARRIVING.as_secs());
            return Poll::Ready(Some(Err(Status::deadline_exceeded(late))));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
