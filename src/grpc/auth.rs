//! Who may call.

use subtle::ConstantTimeEq;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::config::Secret;

/// Checks the bearer key of a call, in time that doesn't depend on where it differs.
///
/// # Errors
/// `UNAUTHENTICATED`, with the same words for a missing and a wrong key.
pub fn authenticate(metadata: &MetadataMap, key: Option<&Secret>) -> Result<(), Status> {
    let Some(key) = key else { return Ok(()) };
    let given = metadata.get("authorization").map(|value| value.as_bytes()).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn with(header: Option<&'static str>) -> MetadataMap {
        let mut metadata = MetadataMap::new();
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
