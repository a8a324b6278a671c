//! Reads certificates and keys at load, so that a wrong one stops the start and not the first connection.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::fault::Fault;
use super::loader::Loader;
use super::model::{ClientTls, ServerTls, TlsIdentity, TlsMode};
use super::origin::Origin;
use super::secret::Secret;

/// Far above any chain of certificates.
const LARGEST_FILE: u64 = 1 << 20;

/// The `tls` block, or `None` if it is off or faulty; faults go to the loader.
pub(super) fn server(loader: &mut Loader<'_>) -> Option<ServerTls> {
    let tls = std::mem::take(&mut loader.draft.tls);
    if !tls.enabled {
        if tls.cert_file.is_some() || tls.key_file.is_some() {
            loader.warnings.push(
                "tls names a certificate but has no effect while tls.enabled is false".to_owned(),
            );
        }
        return None;
    }
    if !loader.sound("tls.") {
        return None;
    }
    if tls.mode == TlsMode::System {
        let problem = format!(
            "`{}` has no certificate that a server could show; \
             set tls.mode to `{}` and give tls.cert_file and tls.key_file",
            TlsMode::System.as_str(),
            TlsMode::Custom.as_str()
        );
        conflict(loader, "tls.mode", &problem);
        return None;
    }
    if tls.require_client_auth && tls.ca_file.is_none() {
        let problem =
            "client certificates can only be checked against an authority; give tls.ca_file";
        conflict(loader, "tls.require_client_auth", problem);
    }
    for (key, missing) in
        [("tls.cert_file", tls.cert_file.is_none()), ("tls.key_file", tls.key_file.is_none())]
    {
        if missing {
            conflict(loader, key, "tls is enabled without it; give the path of a PEM file");
        }
    }
    let cert = ("tls.cert_file", tls.cert_file);
    let identity = identity(loader, cert, ("tls.key_file", tls.key_file));
    // Without client authentication the authority has no use, and clients share this variable for their own.
    let ca_file = tls.ca_file.filter(|_| tls.require_client_auth);
    let client_ca = match ca_file {
        Some(path) => Some(authorities(loader, "tls.ca_file", path)?),
        None => None,
    };
    Some(ServerTls { identity: identity?, client_ca })
}

/// The `callback_tls` block, or `None` if it is off or faulty; faults go to the loader.
pub(super) fn client(loader: &mut Loader<'_>) -> Option<ClientTls> {
    let tls = std::mem::take(&mut loader.draft.callback_tls);
    if !tls.enabled || !loader.sound("callback_tls.") {
        return None;
    }
    let lone = match (&tls.client_cert, &tls.client_key) {
        (Some(_), None) => Some(("callback_tls.client_cert", "callback_tls.client_key")),
        (None, Some(_)) => Some(("callback_tls.client_key", "callback_tls.client_cert")),
        _ => None,
    };
    if let Some((given, missing)) = lone {
        let problem = format!("a certificate and its key go together; give {missing} too");
        conflict(loader, given, &problem);
    }
    let cert = ("callback_tls.client_cert", tls.client_cert);
    let key = ("callback_tls.client_key", tls.client_key);
    let identity = identity(loader, cert, key);
    let ca = tls.ca_file.and_then(|path| authorities(loader, "callback_tls.ca_file", path));
    Some(ClientTls { ca, identity })
}

fn conflict(loader: &mut Loader<'_>, key: &'static str, problem: &str) {
    let fault = Fault::Conflict { at: loader.at(key), problem: problem.to_owned() };
    loader.faults.push(fault);
}

/// A named file, as given by the user.
struct Pem {
    key: &'static str,
    at: Origin,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Pem {
    /// Reads the file; a fault goes to the loader.
    fn read(loader: &mut Loader<'_>, key: &'static str, path: String) -> Option<Self> {
        let mut pem = Self { key, at: loader.at(key), path: path.into(), bytes: Vec::new() };
        match pem.fill(loader) {
            Ok(()) => Some(pem),
            Err(fault) => {
                loader.faults.push(fault);
                None
            }
        }
    }

    fn fill(&mut self, loader: &mut Loader<'_>) -> Result<(), Fault> {
        let read = |bytes: &mut Vec<u8>| -> io::Result<u32> {
            let file = File::open(loader.sources.cwd.join(&self.path))?;
            let mode = file.metadata()?.permissions().mode();
            file.take(LARGEST_FILE + 1).read_to_end(bytes)?;
            Ok(mode)
        };
        let mut bytes = Vec::new();
        let mode = read(&mut bytes).map_err(|source| Fault::TlsUnreadable {
            at: self.at.clone(),
            path: self.path.clone(),
            source,
        })?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(self.malformed("is larger than 1M; give a PEM file"));
        }
        if self.key.ends_with("key") || self.key.ends_with("key_file") {
            self.warn_if_open(mode, &mut loader.warnings);
        }
        self.bytes = bytes;
        Ok(())
    }

    fn warn_if_open(&self, mode: u32, warnings: &mut Vec<String>) {
        if mode & 0o044 != 0 {
            let path = self.path.display();
            warnings.push(format!(
                "{}: {path} can be read by other users of this machine; chmod 600 it",
                self.at
            ));
        }
    }

    /// The certificates in the file, at least one.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Fault> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        match found {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            Ok(_) => {
                Err(self
                    .malformed("holds no `-----BEGIN CERTIFICATE-----`; give a certificate in PEM"))
            }
            Err(_) => Err(self.malformed("is not well-formed PEM; give a certificate in PEM")),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, Fault> {
        // The parser's reason may quote the file, so it is not passed on.
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|_| {
            self.malformed("holds no private key that can be read; give an unencrypted one in PEM")
        })
    }

    fn malformed(&self, problem: &str) -> Fault {
        Fault::TlsMalformed {
            at: self.at.clone(),
            path: self.path.clone(),
            problem: problem.to_owned(),
        }
    }
}

/// Reads and matches a pair. A file is checked even if the other one is missing; `None` then, or if one is faulty.
fn identity(
    loader: &mut Loader<'_>,
    (cert_key, cert): (&'static str, Option<String>),
    (key_key, key): (&'static str, Option<String>),
) -> Option<TlsIdentity> {
    let cert = cert.and_then(|path| Pem::read(loader, cert_key, path));
    let key = key.and_then(|path| Pem::read(loader, key_key, path));
    let certificates = cert.as_ref().and_then(|pem| keep(loader, pem.certificates()));
    let private_key = key.as_ref().and_then(|pem| keep(loader, pem.private_key()));
    let (cert, key) = (cert?, key?);
    let matched = match_key(&cert, &key, certificates?, private_key?);
    keep(loader, matched)?;
    let text = String::from_utf8(key.bytes.clone())
        .map_err(|_| key.malformed("is not text; give a key in PEM"));
    let private_key = Secret::new(keep(loader, text)?);
    Some(TlsIdentity { cert_chain: cert.bytes, private_key })
}

const UNSUPPORTED: &str =
    "holds a private key of a kind that is not supported; give an RSA, ECDSA or Ed25519 key";

/// Checks that the key is of a kind that can sign, and is that of the first certificate.
fn match_key(
    cert: &Pem,
    key: &Pem,
    certificates: Vec<CertificateDer<'static>>,
    private_key: PrivateKeyDer<'static>,
) -> Result<(), Fault> {
    let signing =
        ring::sign::any_supported_type(&private_key).map_err(|_| key.malformed(UNSUPPORTED))?;
    match CertifiedKey::new(certificates, signing).keys_match() {
        // Some keys can't tell their public half; those are left to the handshake.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => Err(Fault::TlsMismatch {
            at: key.at.clone(),
            key: key.path.clone(),
            cert: cert.path.clone(),
        }),
        Err(error) => {
            Err(cert.malformed(&format!("holds a certificate that cannot be used ({error})")))
        }
    }
}

fn authorities(loader: &mut Loader<'_>, key: &'static str, path: String) -> Option<Vec<u8>> {
    let pem = Pem::read(loader, key, path)?;
    let certificates = keep(loader, pem.certificates())?;
    let mut roots = RootCertStore::empty();
    let usable = certificates.into_iter().try_for_each(|certificate| roots.add(certificate));
    let usable = usable.map_err(|error| {
        pem.malformed(&format!("holds an authority that cannot be used ({error})"))
    });
    keep(loader, usable)?;
    Some(pem.bytes)
}

/// Moves a fault to the loader.
fn keep<T>(loader: &mut Loader<'_>, result: Result<T, Fault>) -> Option<T> {
    result.map_err(|fault| loader.faults.push(fault)).ok()
}

#[cfg(test)]
mod tests;
