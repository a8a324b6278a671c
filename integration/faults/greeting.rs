//! Connections that never come to anything, with TLS and without; beside those of callers who are just idle.

use std::process::Stdio;
use std::time::{Duration, Instant};

use codemode::grpc::proto::executor_service_client::ExecutorServiceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::clients::PREFACE;
use crate::harness::{Sidecar, command, free_port};
use crate::promise::COMES;
use crate::wire::Wire;

/// Twice and half of what the service gives a caller to greet it.
const LATEST: Duration = Duration::from_secs(20);
const SOONEST: Duration = Duration::from_secs(5);
/// What an idle caller waits between two calls.
const IDLE: Duration = Duration::from_secs(13);
/// How a greeting by TLS begins: a handshake record of 512 bytes.
const RECORD: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc];

/// Has the service close a connection on which `said` is written, one byte a second.
async fn is_closed(port: u16, said: &[u8]) {
    let begun = Instant::now();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let drip = async {
        for byte in said {
            let _ = writer.write_all(&[*byte]).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        std::future::pending::<()>().await;
    };
    let closed = async {
        let mut buffer = [0; 1024];
        while let Ok(1..) = reader.read(&mut buffer).await {}
    };
    tokio::select! {
        () = drip => {}
        () = closed => {}
        () = tokio::time::sleep(LATEST) => panic!("{said:?}: not closed within {LATEST:?}"),
    }
    assert!(begun.elapsed() > SOONEST, "{said:?}: closed after {:?}", begun.elapsed());
}

/// Calls, is idle, and calls again over the one connection that it has.
async fn stays(port: u16, tls: Option<ClientTlsConfig>) {
    let wire = Wire::to(([127, 0, 0, 1], port).into()).await;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{}", wire.address)).unwrap();
    if let Some(tls) = tls {
        endpoint = endpoint.tls_config(tls).unwrap();
    }
    let mut client = ExecutorServiceClient::new(endpoint.connect().await.unwrap());
    client.health(()).await.unwrap();
    tokio::time::sleep(IDLE).await;
    client.health(()).await.unwrap();
    assert_eq!(wire.connections(), 1, "it had to connect again");
}

async fn listens(port: u16) {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(begun.elapsed() < COMES, "the service does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Idle itself, and so part of a test that is: connections that greet nobody are closed, others stay.
pub async fn is_insisted_on() {
    let sidecar = Sidecar::start(&[("CODEMODE_START", "fresh")]).await;
    let place = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, text: String| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (cert, key) =
        (write("cert", made.cert.pem()), write("key", made.signing_key.serialize_pem()));
    let mut secured = command(&[
        ("CODEMODE_START", "fresh"),
        ("CODEMODE_TLS_ENABLED", "true"),
        ("CODEMODE_TLS_MODE", "custom"),
        ("CODEMODE_TLS_CERT_FILE", &cert),
        ("CODEMODE_TLS_KEY_FILE", &key),
    ]);
    secured.stderr(Stdio::null());
    let secured = Sidecar::begin(secured, free_port());
    listens(secured.port).await;
    let trust = Certificate::from_pem(made.cert.pem());
    let tls = ClientTlsConfig::new().domain_name("localhost").ca_certificate(trust);
    tokio::join!(
        is_closed(sidecar.port, b""),
        is_closed(sidecar.port, &PREFACE[..4]),
        is_closed(sidecar.port, PREFACE),
        stays(sidecar.port, None),
        is_closed(secured.port, b""),
        is_closed(secured.port, RECORD),
        stays(secured.port, Some(tls)),
    );
}
