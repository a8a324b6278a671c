//! Requests that are not served, and what the code is told about them.

use std::error::Error;

use http_body_util::{Either, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::ProxyBody;
use crate::policy::domains::MAX_NAME;

/// Why a request was not served. Only the `Display` text goes to the code: a source may name
/// addresses and resolvers of the network outside.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Refusal {
    #[error("{host}: {reason}")]
    Forbidden { host: String, reason: &'static str },
    #[error("bad request: {0}")]
    Malformed(&'static str),
    #[error("{host}: the server could not be reached or gave no valid answer")]
    Upstream { host: String, source: Box<dyn Error + Send + Sync> },
    #[error("{host}: the server did not answer in time")]
    TimedOut { host: String },
}

impl Refusal {
    /// `host` may be any text that the code sent.
    pub(super) fn forbidden(host: &str, reason: &'static str) -> Self {
        Self::Forbidden { host: sanitised(host), reason }
    }

    pub(super) fn upstream(host: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Upstream { host: sanitised(host), source: source.into() }
    }

    pub(super) fn timed_out(host: &str) -> Self {
        Self::TimedOut { host: sanitised(host) }
    }

    /// Whether the proxy would not serve the request, as opposed to could not.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Forbidden { .. } | Self::Malformed(_))
    }

    /// The host that policy refused.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Forbidden { host, .. } => Some(host),
            _ => None,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Upstream { .. } => StatusCode::BAD_GATEWAY,
            Self::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    pub(super) fn into_response(self) -> Response<ProxyBody> {
        let text = format!("codemode proxy: {self}\n");
        let mut response = Response::new(Either::Left(Full::from(text)));
        *response.status_mut() = self.status();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        response
    }
}

/// The host with every character outside those of names and addresses replaced, cut to length.
fn sanitised(host: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    host.chars().take(MAX_NAME).map(|c| if known(c) { c } else { '?' }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_sanitised_and_a_source_kept_back() {
        let refusal = Refusal::forbidden("a\r\nb\u{1b}[31m<x>é.com", "no");
        assert_eq!(refusal.to_string(), "a??b?[31m?x??.com: no");
        assert_eq!(sanitised(&"é".repeat(999)).len(), MAX_NAME);
        let refusal = Refusal::upstream("a.com", "connect to 10.0.0.1 failed");
        assert!(!refusal.to_string().contains("10.0.0.1"));
        assert!(refusal.source().unwrap().to_string().contains("10.0.0.1"));
    }
}
