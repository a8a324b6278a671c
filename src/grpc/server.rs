//! Listening, serving, draining.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tower::util::MapResponseLayer;

use super::admission::Admission;
use super::arriving::Arriving;
use super::auth::Guard;
use super::counted::Count;
use super::incoming::incoming;
use super::main_app::{MainApp, MainAppError};
use super::pieces::in_pieces;
use super::proto::DESCRIPTORS;
use super::proto::executor_service_server::ExecutorServiceServer;
use super::service::Executor;
use crate::config::{Config, ServerTls};
use crate::engine::Engine;
use crate::observe::{self, Observer};
use crate::policy::Policy;

/// Calls on one connection at a time.
const MOST_STREAMS: u32 = 1024;

/// What the server needs beside its engine.
pub struct Settings {
    /// The sidecar's configuration.
    pub config: Config,
    /// The policy made from it.
    pub policy: Policy,
    /// Told of every call.
    pub observer: Arc<Observer>,
}

/// The ports.
pub struct Listeners {
    /// Where calls are served.
    pub calls: TcpListener,
    /// Where metrics are, if they are.
    pub metrics: Option<TcpListener>,
}

/// The orders to stop: SIGTERM and SIGINT.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From now on they end nothing by themselves.
    ///
    /// # Errors
    /// As `sigaction(2)`.
    pub fn heed() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn come(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Why the server ended, if not because it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The main application's address or TLS material.
    #[error(transparent)]
    MainApp(#[from] MainAppError),
    /// TLS, or the network.
    #[error("tls: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The runtime.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Reflection.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The launcher is gone.
    #[error("the launcher is gone")]
    LauncherGone,
}

fn tls(tls: &ServerTls) -> ServerTlsConfig {
    let identity = &tls.identity;
    let key = identity.private_key.expose();
    let config = ServerTlsConfig::new().identity(Identity::from_pem(&identity.cert_chain, key));
    match &tls.client_ca {
        Some(ca) => config.client_ca_root(Certificate::from_pem(ca)),
        None => config,
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Serves until one of `signals` comes, then drains.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    settings: Settings,
    engine: Engine,
    listeners: Listeners,
    signals: StopSignals,
) -> Result<(), ServeError> {
    let Settings { config, policy, observer } = settings;
    let limits = config.limits.clone();
    let bytes = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    let main_app = Arc::new(MainApp::new(
        &config.main_app_grpc_target,
        config.callback_tls.as_ref(),
        config.api_key.as_ref(),
        config.metadata_ttl,
        bytes(limits.tool_result),
    )?);
    let (stop_sender, stop) = watch::channel(false);
    let executor = Arc::new(Executor {
        engine,
        run_limits: policy.limits,
        limits: limits.clone(),
        security: config.security.clone(),
        main_app,
        admission: Admission::new(bytes(limits.concurrent_runs), bytes(limits.queue)),
        stop,
        observer: Arc::clone(&observer),
        by_key: config.api_key.is_some(),
    });
    // End with the set, when the service does.
    let mut beside = JoinSet::new();
    if let Some(listener) = listeners.metrics {
        let read = Arc::clone(&executor);
        let read = Arc::new(move || read.state());
        beside.spawn(observe::serve_metrics(listener, Arc::clone(&observer), read));
    }
    if observer.reopens() {
        beside.spawn(reopen(Arc::clone(&observer)));
    }
    let service = ExecutorServiceServer::from_arc(Arc::clone(&executor))
        .max_decoding_message_size(bytes(limits.request))
        .max_encoding_message_size(usize::MAX);
    let (reporter, health) = tonic_health::server::health_reporter();
    if executor.engine.refusal().is_none() {
        reporter.set_serving::<ExecutorServiceServer<Executor>>().await;
    } else {
        reporter.set_not_serving::<ExecutorServiceServer<Executor>>().await;
    }
    // Both versions: grpcurl speaks the first, older tools the second.
    let (reflection_v1, reflection_v1alpha) =
        (reflection().build_v1()?, reflection().build_v1alpha()?);
    let key = config.api_key.clone().map(Arc::new);
    let mut server = Server::builder()
        .max_concurrent_streams(MOST_STREAMS)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)));
    if let Some(settings) = &config.tls {
        server = server.tls_config(tls(settings))?;
    }
    let incoming = incoming(listeners.calls)?;
    let drain = drain(Arc::clone(&executor), signals, stop_sender, config.shutdown_grace);
    let gone = Arc::clone(&executor);
    let count = Count { observer, by_key: key.is_some() };
    let serving = server
        .layer(MapResponseLayer::new(in_pieces))
        .layer(count)
        .layer(Guard(key))
        .layer(Arriving)
        .add_service(service)
        .add_service(health)
        .add_service(reflection_v1)
        .add_service(reflection_v1alpha)
        .serve_with_incoming_shutdown(incoming, drain);
    tokio::select! {
        served = serving => served?,
        () = drained(&gone.admission) => {}
    }
    if gone.engine.is_alive() { Ok(()) } else { Err(ServeError::LauncherGone) }
}

/// Opens the audit file anew at each SIGHUP.
async fn reopen(observer: Arc<Observer>) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    while hangup.recv().await.is_some() {
        observer.reopen();
    }
    Ok(())
}

/// Resolves a moment after the last run of a drain was answered. A client that is idle may take
/// seconds to notice that its connection is being closed; nothing is lost by not waiting for it.
async fn drained(admission: &Admission) {
    admission.draining().await;
    while !admission.is_drained() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Resolves once nothing can make a sandbox any more; whoever manages the service may start it anew.
async fn launcher_gone(engine: &Engine) {
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    while engine.is_alive() {
        tick.tick().await;
    }
}

/// Resolves at the order to stop; from then on nobody new is let in, and what still runs after
/// the grace period is ended.
async fn drain(
    executor: Arc<Executor>,
    mut signals: StopSignals,
    stop: watch::Sender<bool>,
    grace: Duration,
) {
    tokio::select! {
        () = signals.come() => {}
        () = launcher_gone(&executor.engine) => tracing::error!("the launcher is gone"),
    }
    tracing::info!(grace_s = grace.as_secs_f64(), "draining");
    executor.admission.drain();
    tokio::spawn(async move {
        tokio::time::sleep(grace).await;
        let _ = stop.send(true);
        // Held to the end: a sender that is gone would stop the runs at once.
        std::future::pending::<()>().await;
    });
}
