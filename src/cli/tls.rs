//! `codemode tls`: certificates to try things with.

use std::fs::DirBuilder;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use super::files::{self, NewFile, cannot_write};
use super::output::say;
use super::{Stop, output};
use crate::config;

/// Make certificates for TLS
#[derive(Args)]
pub(super) struct TlsArgs {
    #[command(subcommand)]
    command: TlsCommand,
}

#[derive(Subcommand)]
enum TlsCommand {
    GenerateCerts(GenerateArgs),
}

/// Make an authority, a server's and a client's certificate, with their keys
///
/// For development and for machines that trust each other by this authority alone. Writes ca.crt,
/// server.crt and client.crt, and their keys (.key) for the owner only.
#[derive(Args)]
struct GenerateArgs {
    /// Directory to write to; made if it is missing
    #[arg(long, short, value_name = "DIR", default_value = "certs")]
    output: PathBuf,
    /// Another name or address of the server; may be given several times
    #[arg(long = "san", value_name = "NAME")]
    names: Vec<String>,
    /// Days until they expire
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// Replace files that exist
    #[arg(long, short)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a server is called in the deployments that the documentation shows.
const USUAL_NAMES: [&str; 7] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "host.docker.internal",
    "executor",
    "codemode-executor",
    "codemode-sidecar",
];

pub(super) fn main(args: &TlsArgs) -> Result<ExitCode, Stop> {
    let TlsCommand::GenerateCerts(args) = &args.command;
    let names: Vec<&str> =
        USUAL_NAMES.into_iter().chain(args.names.iter().map(String::as_str)).collect();
    let pairs = generate(&names, args.days)?;
    make_private(&args.output)?;
    let mut written = Vec::new();
    let mut files = Vec::new();
    for (name, certificate, key) in &pairs {
        let (crt, private) = (format!("{name}.crt"), format!("{name}.key"));
        let (crt, private) = (args.output.join(crt), args.output.join(private));
        written.extend([crt.display().to_string(), private.display().to_string()]);
        files.push(NewFile::public(crt, certificate));
        files.push(NewFile::private(private, key));
    }
    files::write(files, args.force)?;
    if args.json {
        output::json(&serde_json::json!({ "files": written, "names": names, "days": args.days }))?;
    } else {
        report(&args.output, &written, &names);
    }
    Ok(ExitCode::SUCCESS)
}

fn report(directory: &Path, written: &[String], names: &[&str]) {
    for file in written {
        say!("{file}");
    }
    let at = |name: &str| directory.join(name).display().to_string();
    say!("\nThe server is called {}.", names.join(", "));
    say!("Whoever has {} can make more; keep it off the servers.", at("ca.key"));
    say!("For the service:");
    say!("  CODEMODE_TLS_ENABLED=true CODEMODE_TLS_MODE=custom");
    say!(
        "  CODEMODE_TLS_CERT_FILE={} CODEMODE_TLS_KEY_FILE={}",
        at("server.crt"),
        at("server.key")
    );
    say!("and to let in none but clients with a certificate of this authority:");
    say!("  CODEMODE_TLS_REQUIRE_CLIENT_AUTH=true CODEMODE_TLS_CA_FILE={}", at("ca.crt"));
}

/// A missing directory is made for its owner only; one that is there stays as it is.
fn make_private(directory: &Path) -> Result<(), Stop> {
    if directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| cannot_write(directory, &error))
}

/// Name, certificate and key in PEM: of the authority, the server and the client.
fn generate(names: &[&str], days: u16) -> Result<[(&'static str, String, String); 3], Stop> {
    let failed = |error: rcgen::Error| Stop::failed(format!("no certificate can be made: {error}"));
    let mut authority = params("Codemode CA", days);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate().map_err(failed)?;
    let authority_cert = authority.self_signed(&authority_key).map_err(failed)?;
    let authority_pem = authority_key.serialize_pem();
    let issuer = Issuer::new(authority, authority_key);

    let mut server = params("localhost", days);
    server.subject_alt_names = names.iter().map(|name| san(name)).collect::<Result<_, _>>()?;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut client = params("codemode client", days);
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let signed = |mut params: CertificateParams| {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &issuer)?.pem(), key.serialize_pem()))
    };
    let (server_cert, server_key) = signed(server).map_err(failed)?;
    let (client_cert, client_key) = signed(client).map_err(failed)?;
    Ok([
        ("ca", authority_cert.pem(), authority_pem),
        ("server", server_cert, server_key),
        ("client", client_cert, client_key),
    ])
}

fn params(name: &str, days: u16) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "Codemode");
    let day = Duration::from_secs(24 * 60 * 60);
    let now = SystemTime::now();
    // A day of grace for clocks that are behind.
    params.not_before = (now - day).into();
    params.not_after = (now + day * u32::from(days)).into();
    params
}

fn san(name: &str) -> Result<SanType, Stop> {
    let wrong = || {
        Stop::usage(format!("--san: {name:?} is not allowed; give a host name or an IP address"))
    };
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    if !config::is_host_name(name.strip_prefix("*.").unwrap_or(name)) {
        return Err(wrong());
    }
    Ok(SanType::DnsName(name.try_into().map_err(|_| wrong())?))
}
