//! `codemode health`: is the service alive? Small and quick, for a container asks it again and again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use clap::Args;
use serde::Serialize;

use super::output::say;
use super::{Stop, given, output};
use crate::config::{self, ServiceTls, Sources};
use crate::grpc::{Probe, ProbeTls, Trust};

/// Ask a running service whether it is healthy; exits with 0 if it is, 1 if not
///
/// Without --address it asks the service that `serve` would start here: host, port and TLS come from
/// the same variables and file. Of that service it then believes the certificate in tls.cert_file.
#[derive(Args)]
pub(super) struct HealthArgs {
    /// Service to ask [default: from the settings of `serve`]
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// Also ask whether the main application answers the service
    #[arg(long)]
    ready: bool,
    /// Longest wait
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = patience)]
    timeout: Duration,
    #[command(flatten)]
    tls: TlsArgs,
    /// Configuration file of the service [default: as `serve`]
    #[arg(long, value_name = "FILE", conflicts_with = "address")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A certificate chain and its key, both PEM.
type Identity = (Vec<u8>, Vec<u8>);

/// TLS with a service, as its caller
#[derive(Args)]
pub(super) struct TlsArgs {
    /// Speak TLS and believe the authorities in FILE (PEM)
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Certificate to show to a service that asks for one (PEM)
    /// [default: $CODEMODE_HEALTH_TLS_CERT_FILE]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key (PEM) [default: $CODEMODE_HEALTH_TLS_KEY_FILE]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// Our own certificate and key, if both were given.
    pub(super) fn identity(&self) -> Result<Option<Identity>, Stop> {
        let cert = given(self.tls_cert.as_deref(), "CODEMODE_HEALTH_TLS_CERT_FILE");
        let key = given(self.tls_key.as_deref(), "CODEMODE_HEALTH_TLS_KEY_FILE");
        match (cert, key) {
            (Some(cert), Some(key)) => {
                Ok(Some((read("--tls-cert", &cert)?, read("--tls-key", &key)?)))
            }
            _ => Ok(None),
        }
    }

    /// How to reach the service at `address`.
    pub(super) fn probe(&self, flag: &str, address: &str) -> Result<Probe, Stop> {
        let (host, port) = split(flag, address)?;
        let trust = self.tls_ca.as_ref().map(|ca| read("--tls-ca", ca).map(Trust::Authorities));
        let trust = trust.transpose()?;
        let identity = self.identity()?;
        if identity.is_some() && trust.is_none() {
            return Err(Stop::usage(WITHOUT_TLS));
        }
        Ok(Probe { host, port, tls: trust.map(|trust| ProbeTls { trust, identity }) })
    }
}

const WITHOUT_TLS: &str = "--tls-cert is of use with TLS only; give --tls-ca to speak it";

fn patience(text: &str) -> Result<Duration, String> {
    let fits = |time: &Duration| !time.is_zero() && *time <= Duration::from_secs(3600);
    config::parse_seconds(text)
        .filter(fits)
        .ok_or_else(|| "give seconds above 0 and up to 3600, such as 2 or 0.5".to_owned())
}

#[derive(Serialize)]
struct Answer {
    ok: bool,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    main_app_target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn main(args: &HealthArgs) -> Result<ExitCode, Stop> {
    let probe = probe(args)?;
    let answer = ask(&probe, args)?;
    if args.json {
        output::json(&answer)?;
    } else if let Some(status) = &answer.status {
        say!("{status}");
    }
    if answer.ok {
        return Ok(ExitCode::SUCCESS);
    }
    let why = match (&answer.error, &answer.main_app_target) {
        (Some(error), _) => {
            format!("{} does not answer: {error}; see that the service runs there", answer.address)
        }
        (None, Some(target)) if args.ready => {
            format!("the service answers, but not its main application at {target}; start that")
        }
        _ => "the service answers that it is not healthy; see its log".to_owned(),
    };
    Err(Stop::failed(why))
}

fn ask(probe: &Probe, args: &HealthArgs) -> Result<Answer, Stop> {
    // One thread: this process lives for one question.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Stop::failed)?;
    let answered = runtime.block_on(probe.ask(args.ready, args.timeout));
    let host = &probe.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let address = format!("{host}:{}", probe.port);
    let wanted = if args.ready { "ready" } else { "healthy" };
    Ok(match answered {
        Ok(health) => Answer {
            ok: health.status == wanted,
            address,
            status: Some(health.status),
            version: Some(health.version),
            main_app_target: Some(health.main_app_target),
            error: None,
        },
        Err(error) => Answer {
            ok: false,
            address,
            status: None,
            version: None,
            main_app_target: None,
            error: Some(error.to_string()),
        },
    })
}

fn probe(args: &HealthArgs) -> Result<Probe, Stop> {
    if let Some(address) = &args.address {
        return args.tls.probe("--address", address);
    }
    let service = configured(args.config.as_deref())?;
    let (host, port, service_tls) = (service.host, service.port, service.tls);
    let trust = match (&args.tls.tls_ca, &service_tls) {
        (Some(ca), _) => Some(Trust::Authorities(read("--tls-ca", ca)?)),
        (None, Some(ServiceTls { cert_file: Some(file), .. })) => {
            Some(Trust::Exactly(read("tls.cert_file", file)?))
        }
        (None, Some(_)) => {
            let text = "tls is enabled without tls.cert_file; name the service's certificate there, or give --tls-ca";
            return Err(Stop::usage(text));
        }
        (None, None) => None,
    };
    let identity = args.tls.identity()?;
    if identity.is_none() && service_tls.is_some_and(|tls| tls.requires_client_cert) {
        let text = "tls.require_client_auth: the service asks for a certificate; give one with --tls-cert and \
                    --tls-key, or in CODEMODE_HEALTH_TLS_CERT_FILE and CODEMODE_HEALTH_TLS_KEY_FILE";
        return Err(Stop::usage(text));
    }
    if identity.is_some() && trust.is_none() {
        return Err(Stop::usage(WITHOUT_TLS));
    }
    Ok(Probe { host, port, tls: trust.map(|trust| ProbeTls { trust, identity }) })
}

fn configured(file: Option<&Path>) -> Result<config::Service, Stop> {
    let environment = config::process_environment();
    let cwd = env::current_dir().map_err(Stop::usage)?;
    config::service(&Sources {
        file,
        env: &environment,
        cwd: &cwd,
        host: None,
        port: None,
        allow_unauthenticated: false,
    })
    .map_err(Stop::usage)
}

fn split(flag: &str, address: &str) -> Result<(String, u16), Stop> {
    let wrong = || {
        let text =
            format!("{flag}: {address:?} is not allowed; give HOST:PORT, such as localhost:8001");
        Stop::usage(text)
    };
    let target = config::parse_target(address).ok_or_else(wrong)?;
    let (host, port) = target.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), port.parse().map_err(|_| wrong())?))
}

fn read(name: &str, path: &Path) -> Result<Vec<u8>, Stop> {
    fs::read(path).map_err(|error| {
        let path = path.display();
        Stop::usage(format!(
            "{name}: {path} cannot be read ({error}); check the path and its permissions"
        ))
    })
}
