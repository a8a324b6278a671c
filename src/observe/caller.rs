//! Who calls.

use std::net::SocketAddr;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use serde::Serialize;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::text::shown;

/// Characters of a subject that are recorded.
const MOST_SUBJECT: usize = 500;

/// What is known of whoever calls.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The other end of the connection; a proxy's, if there is one.
    pub peer: Option<SocketAddr>,
    /// Whether it showed the API key.
    pub by_key: bool,
    /// The certificates it showed, its own first.
    pub certificates: Option<Arc<Vec<CertificateDer<'static>>>>,
}

/// A caller as it is recorded.
#[derive(Serialize)]
pub(super) struct Who {
    peer: Option<String>,
    /// `key`, or `none` where none is asked for or none was shown that is right.
    auth: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Shown>,
}

#[derive(Serialize)]
struct Shown {
    /// As RFC 4514 writes it; `None` if it can't be read.
    subject: Option<String>,
    /// Of the certificate's DER, in lower-case hexadecimal.
    sha256: String,
}

impl Caller {
    pub(super) fn who(&self) -> Who {
        let own = self.certificates.as_ref().and_then(|certificates| certificates.first());
        Who {
            peer: self.peer.map(|peer| peer.to_string()),
            auth: if self.by_key { "key" } else { "none" },
            certificate: own.map(|der| Shown {
                subject: subject(der),
                sha256: hex(digest(&SHA256, der).as_ref()),
            }),
        }
    }
}

fn subject(der: &[u8]) -> Option<String> {
    let certificate = Certificate::from_der(der).ok()?;
    Some(shown(&certificate.tbs_certificate().subject().to_string(), MOST_SUBJECT))
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_named_by_subject_and_fingerprint() {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "app\n\u{1b}[2J");
        let key = rcgen::KeyPair::generate().unwrap();
        let der = parameters.self_signed(&key).unwrap().der().clone();
        let fingerprint = hex(digest(&SHA256, &der).as_ref());
        let caller = Caller {
            peer: Some(([127, 0, 0, 1], 7).into()),
            by_key: true,
            certificates: Some(Arc::new(vec![der])),
        };
        let who = serde_json::to_value(caller.who()).unwrap();
        assert_eq!((&who["peer"], &who["auth"]), (&"127.0.0.1:7".into(), &"key".into()));
        assert_eq!(who["certificate"]["sha256"], fingerprint.as_str());
        let subject = who["certificate"]["subject"].as_str().unwrap();
        assert!(subject.contains("CN=app"), "{subject}");
        assert!(!subject.contains(char::is_control), "{subject:?}");
    }

    #[test]
    fn what_is_no_certificate_has_a_fingerprint_only() {
        let certificates = Some(Arc::new(vec![CertificateDer::from(vec![1, 2, 3])]));
        let who = serde_json::to_value(Caller { certificates, ..Caller::default() }.who()).unwrap();
        assert_eq!(who["certificate"]["subject"], serde_json::Value::Null);
        assert_eq!(who["certificate"]["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(who["auth"], "none");
    }
}
