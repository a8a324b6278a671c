//! What operators see: records, numbers, traces.

use super::loader::Loader;
use super::model::{Audit, Metrics, Telemetry};
use super::parse;

/// The `audit` block. A file is reason enough to write; without one it has to be asked for.
pub(super) fn audit(loader: &mut Loader<'_>) -> Option<Audit> {
    let asked = loader.origins.contains_key("audit.enabled");
    let audit = std::mem::take(&mut loader.draft.audit);
    let enabled = if asked { audit.enabled } else { audit.file.is_some() };
    if !enabled {
        if audit.file.is_some() || audit.include_code {
            let text = "the audit settings have no effect while audit.enabled is not true";
            loader.warnings.push(text.to_owned());
        }
        return None;
    }
    let file = audit.file.map(|path| loader.sources.cwd.join(path));
    Some(Audit { file, include_code: audit.include_code })
}

/// The `metrics` block. Without a port there are none.
pub(super) fn metrics(loader: &mut Loader<'_>) -> Option<Metrics> {
    let metrics = std::mem::take(&mut loader.draft.metrics);
    let host = metrics.host.unwrap_or_else(|| "127.0.0.1".to_owned());
    // The table bounds the port.
    let port = u16::try_from(metrics.port).ok().filter(|port| *port != 0)?;
    if !parse::is_loopback(&host) {
        loader.warnings.push(format!(
            "metrics are served to everyone who reaches {host}:{port}, without a key; \
             set metrics.host to 127.0.0.1 unless the network keeps others away"
        ));
    }
    Some(Metrics { host, port })
}

/// The `telemetry` block. Without an endpoint there is none.
pub(super) fn telemetry(loader: &mut Loader<'_>) -> Option<Telemetry> {
    let telemetry = std::mem::take(&mut loader.draft.telemetry);
    let otlp_endpoint = telemetry.otlp_endpoint?;
    // One variable for every service of a host: a mismatch is likelier than a wish.
    let protocol = loader.sources.env.get("OTEL_EXPORTER_OTLP_PROTOCOL");
    if protocol.is_some_and(|protocol| !protocol.is_empty() && protocol != "grpc") {
        loader.warnings.push(format!(
            "OTEL_EXPORTER_OTLP_PROTOCOL is not grpc, which is all that is spoken here; see that \
             {otlp_endpoint} takes OTLP over gRPC (usually port 4317)"
        ));
    }
    Some(Telemetry {
        otlp_endpoint,
        service_name: telemetry.service_name.unwrap_or_else(|| "codemode".to_owned()),
        sampler: telemetry.sampler,
        ratio: telemetry.sampler_arg,
    })
}
