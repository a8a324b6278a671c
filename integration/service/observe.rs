//! What operators see: log, audit, metrics, traces.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use codemode::grpc::proto::ExecutionRequest;
use serde_json::Value;

use crate::harness::{free_port, request};

#[path = "observe/audit.rs"]
mod audit;
#[path = "observe/logs.rs"]
mod logs;
#[path = "observe/metrics.rs"]
mod metrics;
#[path = "observe/traces.rs"]
mod traces;

const PATIENCE: Duration = Duration::from_secs(10);

fn with_tools(code: &str, tools: &[&str]) -> ExecutionRequest {
    let available_tools = tools.iter().map(|tool| (*tool).to_owned()).collect();
    ExecutionRequest { available_tools, ..request(code) }
}

/// A file for a sidecar's standard error.
fn log_file(dir: &Path) -> File {
    File::options().create(true).append(true).open(dir.join("log")).unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(parse).collect()
}

/// Where a sidecar under test serves its metrics.
struct Endpoint(u16);

impl Endpoint {
    fn new() -> Self {
        Self(free_port())
    }

    fn port(&self) -> String {
        self.0.to_string()
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.0)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn scrape(&self) -> String {
        let answer = self.ask("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Every series with its value.
    fn series(&self) -> BTreeMap<String, f64> {
        let text = self.scrape();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pair = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        lines.map(pair).collect()
    }

    fn value(&self, series: &str) -> f64 {
        *self.series().get(series).unwrap_or_else(|| panic!("no {series}"))
    }
}
