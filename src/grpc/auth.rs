//! Who may call: decided by the headers, before a byte of the request's body is read.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response};
use subtle::ConstantTimeEq;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::config::Secret;

/// The call that needs a key. Health, readiness and reflection need none.
pub(super) const GUARDED: &str = "/codemode.ExecutorService/Execute";

/// Checks the bearer key of a call, in time that doesn't depend on where it differs.
///
/// # Errors
/// `UNAUTHENTICATED`, with the same words for a missing and a wrong key.
fn authenticate(headers: &HeaderMap, key: Option<&Secret>) -> Result<(), Status> {
    let Some(key) = key else { return Ok(()) };
    let given = headers.get("authorization").map(|value| value.as_bytes()).unwrap_or_default();
    let given = given.strip_prefix(b"Bearer ").unwrap_or_default();
    if bool::from(given.ct_eq(key.expose().as_bytes())) {
        Ok(())
    } else {
        Err(Status::unauthenticated(
            "Invalid API key; send `authorization: Bearer KEY` with the executor's \
             CODEMODE_API_KEY",
        ))
    }
}

/// Puts the check in front of every service.
#[derive(Clone)]
pub struct Guard(pub Option<Arc<Secret>>);

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, key: self.0.clone() }
    }
}

/// A service behind the check.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    key: Option<Arc<Secret>>,
}

impl<S, B> Service<Request<B>> for Guarded<S>
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let guarded = request.uri().path() == GUARDED;
        match authenticate(request.headers(), self.key.as_deref()) {
            Err(status) if guarded => Box::pin(async move { Ok(status.into_http()) }),
            _ => Box::pin(self.inner.call(request)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(header: Option<&'static str>) -> HeaderMap {
        let mut metadata = HeaderMap::new();
        if let Some(header) = header {
            metadata.insert("authorization", header.parse().unwrap());
        }
        metadata
    }

    #[test]
    fn only_the_key_itself_opens() {
        let key = Secret::new("sesame".to_owned());
        assert!(authenticate(&with(Some("Bearer sesame")), Some(&key)).is_ok());
        for wrong in
            [None, Some("Bearer sesam"), Some("Bearer "), Some("sesame"), Some("Bearer sesame ")]
        {
            let status = authenticate(&with(wrong), Some(&key)).unwrap_err();
            assert_eq!(status.code(), tonic::Code::Unauthenticated, "{wrong:?}");
        }
    }

    #[test]
    fn without_a_key_everybody_may_call() {
        assert!(authenticate(&with(None), None).is_ok());
    }
}
