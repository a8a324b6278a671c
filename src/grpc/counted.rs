//! Counts every call, and records those that never reach their method.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::auth::GUARDED;
use crate::observe::{Caller, Method, Observer, Refused};

/// Set by a method that has begun: from then on it tells of itself.
#[derive(Clone, Debug, Default)]
pub struct Reached(Arc<AtomicBool>);

impl Reached {
    /// The method has begun.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Puts the counting around every service.
#[derive(Clone)]
pub struct Count {
    /// Who is told.
    pub observer: Arc<Observer>,
    /// Whether callers show a key.
    pub by_key: bool,
}

impl<S> Layer<S> for Count {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, count: self.clone() }
    }
}

/// A service whose calls are counted.
#[derive(Clone)]
pub struct Counted<S> {
    inner: S,
    count: Count,
}

/// A call under way; dropped without an answer it was cancelled.
struct Counting {
    observer: Arc<Observer>,
    method: Method,
    code: Code,
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.observer.answered(self.method, self.code);
    }
}

/// What is told of a call of `Execute` that was turned away.
struct Visitor {
    caller: Caller,
    correlation_id: String,
    reached: Reached,
    begun: Instant,
}

fn method(path: &str) -> Method {
    match path {
        GUARDED => Method::Execute,
        "/codemode.ExecutorService/Health" => Method::Health,
        "/codemode.ExecutorService/Ready" => Method::Ready,
        _ if path.starts_with("/grpc.health.v1.Health/") => Method::Check,
        _ if path.starts_with("/grpc.reflection.") => Method::Reflection,
        _ => Method::Other,
    }
}

fn reason(code: Code) -> Refused {
    match code {
        Code::Unauthenticated => Refused::Unauthenticated,
        Code::OutOfRange | Code::ResourceExhausted => Refused::TooLarge,
        Code::Unavailable => Refused::ShuttingDown,
        _ => Refused::Malformed,
    }
}

impl<S, B> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Count { observer, by_key } = self.count.clone();
        let method = method(request.uri().path());
        let visitor = (method == Method::Execute).then(|| {
            let visitor = Visitor::new(&request, by_key);
            request.extensions_mut().insert(visitor.reached.clone());
            visitor
        });
        let mut counting = Counting { observer, method, code: Code::Cancelled };
        let answering = self.inner.call(request);
        Box::pin(async move {
            let answer = answering.await;
            // A status that follows a body is not seen: no method of ours fails that late.
            let status = match &answer {
                Ok(answer) => Status::from_header_map(answer.headers()),
                Err(_) => Some(Status::internal("the service failed")),
            };
            counting.code = status.as_ref().map_or(Code::Ok, Status::code);
            if let (Some(visitor), Some(status)) = (visitor, status)
                && !visitor.reached.is_set()
            {
                visitor.tell(&counting.observer, &status);
            }
            answer
        })
    }
}

impl Visitor {
    fn new<B>(request: &Request<B>, by_key: bool) -> Self {
        let id = request.headers().get("x-correlation-id").and_then(|id| id.to_str().ok());
        Self {
            caller: super::caller::of(request.extensions(), by_key),
            correlation_id: id.unwrap_or_default().to_owned(),
            reached: Reached::default(),
            begun: Instant::now(),
        }
    }

    fn tell(mut self, observer: &Observer, status: &Status) {
        let reason = reason(status.code());
        self.caller.by_key &= reason != Refused::Unauthenticated;
        let took = self.begun.elapsed();
        observer.turned_away(reason, &self.caller, &self.correlation_id, status.message(), took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_a_closed_set() {
        assert_eq!(method(GUARDED), Method::Execute);
        assert_eq!(method("/grpc.health.v1.Health/Check"), Method::Check);
        assert_eq!(
            method("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
            Method::Reflection
        );
        for unknown in ["/", "/codemode.ExecutorService/Execute2", "/x/\u{1b}[31m", ""] {
            assert_eq!(method(unknown), Method::Other, "{unknown}");
        }
    }
}
