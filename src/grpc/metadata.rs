//! What travels beside a request.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

/// Names a call across services.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// `x-correlation-id`, or the request's own field.
    pub correlation_id: String,
    /// `traceparent`, unchanged.
    pub traceparent: Option<MetadataValue<Ascii>>,
}

impl Trace {
    /// From a call's metadata; the request's own id counts where the metadata has none.
    #[must_use]
    pub fn new(metadata: &MetadataMap, field: &str) -> Self {
        let header = metadata.get("x-correlation-id").and_then(|value| value.to_str().ok());
        Self {
            correlation_id: header.filter(|id| !id.is_empty()).unwrap_or(field).to_owned(),
            traceparent: metadata.get("traceparent").cloned(),
        }
    }

    /// The same with the header of a span of ours, if there is one.
    #[must_use]
    pub fn under(&self, traceparent: Option<String>) -> Self {
        let ours = traceparent.and_then(|header| header.parse().ok());
        Self { traceparent: ours.or_else(|| self.traceparent.clone()), ..self.clone() }
    }

    /// The header as text.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.traceparent.as_ref().and_then(|header| header.to_str().ok())
    }

    /// Puts both into a call of ours.
    pub fn write(&self, metadata: &mut MetadataMap) {
        // An id that can't be a header is carried in the request's field alone.
        if !self.correlation_id.is_empty()
            && let Ok(id) = self.correlation_id.parse()
        {
            metadata.insert("x-correlation-id", id);
        }
        if let Some(traceparent) = &self.traceparent {
            metadata.insert("traceparent", traceparent.clone());
        }
    }
}

/// The time a caller still waits, by its `grpc-timeout` header.
#[must_use]
pub fn patience(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_wins_over_the_field() {
        let mut metadata = MetadataMap::new();
        assert_eq!(Trace::new(&metadata, "field").correlation_id, "field");
        metadata.insert("x-correlation-id", "header".parse().unwrap());
        assert_eq!(Trace::new(&metadata, "field").correlation_id, "header");
    }

    #[test]
    fn patience_in_all_units_and_none_in_nonsense() {
        let read = |text: &'static str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().unwrap());
            patience(&metadata)
        };
        assert_eq!(read("35S"), Some(Duration::from_secs(35)));
        assert_eq!(read("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        for nonsense in ["", "S", "35", "-1S", "999999999S", "1X"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
