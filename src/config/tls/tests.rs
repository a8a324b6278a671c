use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::super::tests::Bench;

/// A self-signed certificate and its key, in PEM.
fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// A bench with a matching pair, a second pair and text that is no PEM. Paths are relative to its directory.
fn bench() -> Bench {
    let (cert, key) = pair();
    let (other_cert, other_key) = pair();
    let bench = Bench::new()
        .write("cert.pem", &cert)
        .write("key.pem", &key)
        .write("other-cert.pem", &other_cert)
        .write("other-key.pem", &other_key)
        .write("both.pem", &format!("{key}{cert}{other_cert}"))
        .write("text.pem", "hello");
    for name in ["key.pem", "other-key.pem", "both.pem"] {
        let path = bench.dir.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    bench
}

fn server(cert: &str, key: &str) -> Bench {
    bench()
        .with_env("CODEMODE_TLS_ENABLED", "true")
        .with_env("CODEMODE_TLS_MODE", "custom")
        .with_env("CODEMODE_TLS_CERT_FILE", cert)
        .with_env("CODEMODE_TLS_KEY_FILE", key)
}

#[test]
fn a_matching_pair_is_loaded() {
    let config = server("cert.pem", "key.pem").load().unwrap();
    let tls = config.tls.as_ref().unwrap();
    assert!(tls.identity.private_key.expose().contains("PRIVATE KEY"));
    assert!(tls.client_ca.is_none() && config.callback_tls.is_none());
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert!(!format!("{config:?}").contains("PRIVATE KEY"));
    assert!(server("both.pem", "both.pem").load().is_ok());
}

#[test]
fn each_wrong_file_is_its_own_fault() {
    for (cert, key, parts) in [
        ("cert.pem", "other-key.pem", ["TLS_KEY_FILE", "other-key.pem", "does not belong"]),
        ("cert.pem", "none.pem", ["TLS_KEY_FILE", "none.pem", "cannot be read"]),
        ("none.pem", "key.pem", ["TLS_CERT_FILE", "none.pem", "cannot be read"]),
        (".", "key.pem", ["TLS_CERT_FILE", ".", "cannot be read"]),
        ("text.pem", "key.pem", ["TLS_CERT_FILE", "text.pem", "BEGIN CERTIFICATE"]),
        ("key.pem", "key.pem", ["TLS_CERT_FILE", "key.pem", "BEGIN CERTIFICATE"]),
        ("cert.pem", "cert.pem", ["TLS_KEY_FILE", "cert.pem", "no private key"]),
    ] {
        let (report, count) = server(cert, key).report();
        assert_eq!(count, 1, "{report}");
        assert!(parts.iter().all(|part| report.contains(part)), "{parts:?}: {report}");
    }
    assert_eq!(server("none.pem", "text.pem").report().1, 2);
}

#[test]
fn damaged_material_is_refused_without_quoting_it() {
    let (cert, key) = pair();
    let damage = |pem: &str| pem.replacen("MI", "!!SECRET!!", 1);
    let (report, count) = server("bad-cert.pem", "bad-key.pem")
        .write("bad-cert.pem", &damage(&cert))
        .write("bad-key.pem", &damage(&key))
        .report();
    assert_eq!(count, 2, "{report}");
    assert!(!report.contains("SECRET"));
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let bench = server("empty.pem", "key.pem").write("empty.pem", empty);
    assert!(bench.report().0.contains("cannot be used"));
    let bench = server("cert.pem", "long.pem").write("long.pem", &"x".repeat((1 << 20) + 1));
    assert!(bench.report().0.contains("larger than 1M"));
}

#[test]
fn a_server_needs_mode_custom_and_both_files() {
    let (report, count) = bench().with_env("CODEMODE_TLS_ENABLED", "on").report();
    assert_eq!(count, 1);
    assert!(report.contains("tls.mode: `system` has no certificate"), "{report}");
    let bench = bench().with_file("tls: {enabled: true, mode: custom}");
    let (report, count) = bench.report();
    assert_eq!(count, 2);
    assert!(report.contains("tls.cert_file: ") && report.contains("tls.key_file: "), "{report}");
    let (report, count) = bench.with_env("CODEMODE_TLS_CERT_FILE", "none.pem").report();
    assert!(
        count == 2 && report.contains("none.pem") && report.contains("tls.key_file: "),
        "{report}"
    );
}

#[test]
fn client_authentication_needs_an_authority() {
    let bench = server("cert.pem", "key.pem").with_env("CODEMODE_TLS_REQUIRE_CLIENT_AUTH", "1");
    let (report, count) = bench.report();
    assert!(count == 1 && report.contains("tls.ca_file"), "{report}");
    let bench = bench.with_env("CODEMODE_TLS_CA_FILE", "text.pem");
    let (report, count) = bench.report();
    assert!(
        count == 1 && report.contains("TLS_CA_FILE") && report.contains("text.pem"),
        "{report}"
    );
    let config = bench.with_env("CODEMODE_TLS_CA_FILE", "other-cert.pem").load().unwrap();
    assert!(config.tls.unwrap().client_ca.is_some());
    // Without client authentication a caller's own authority, under the same variable, is let be.
    let bench = server("cert.pem", "key.pem").with_env("CODEMODE_TLS_CA_FILE", "none.pem");
    assert!(bench.load().unwrap().tls.unwrap().client_ca.is_none());
}

#[test]
fn callbacks_take_system_roots_or_files() {
    let callback = |extra: &[(&str, &str)]| {
        let bench = bench().with_env("CODEMODE_CALLBACK_TLS_ENABLED", "true");
        extra.iter().fold(bench, |bench, (name, value)| {
            bench.with_env(&format!("CODEMODE_CALLBACK_TLS_{name}"), value)
        })
    };
    let tls = callback(&[]).load().unwrap().callback_tls.unwrap();
    assert!(tls.ca.is_none() && tls.identity.is_none());
    let files = [("CA_FILE", "both.pem"), ("CLIENT_CERT", "cert.pem"), ("CLIENT_KEY", "key.pem")];
    let tls = callback(&files).load().unwrap().callback_tls.unwrap();
    assert!(tls.ca.is_some() && tls.identity.is_some());
    let (report, _) = callback(&files[..2]).report();
    assert!(report.contains("callback_tls.client_key"), "{report}");
    let (report, _) = callback(&files[2..]).report();
    assert!(report.contains("callback_tls.client_cert"), "{report}");
}

#[test]
fn older_names_mean_both_blocks() {
    let old = |name: &str| format!("CODEMODE_GRPC_TLS_{name}");
    let bench = bench()
        .with_env(&old("ENABLED"), "true")
        .with_env(&old("MODE"), "custom")
        .with_env(&old("CERT_FILE"), "cert.pem")
        .with_env(&old("KEY_FILE"), "key.pem")
        .with_env(&old("CA_FILE"), "other-cert.pem")
        .with_env(&old("REQUIRE_CLIENT_AUTH"), "true")
        .with_env(&old("CLIENT_CERT_FILE"), "other-cert.pem")
        .with_env(&old("CLIENT_KEY_FILE"), "other-key.pem");
    let config = bench.load().unwrap();
    assert!(config.tls.unwrap().client_ca.is_some());
    let callback = config.callback_tls.unwrap();
    assert!(callback.ca.is_some() && callback.identity.is_some());
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);

    let config = bench.with_env("CODEMODE_CALLBACK_TLS_ENABLED", "no").load().unwrap();
    assert!(config.tls.is_some() && config.callback_tls.is_none());
    assert!(
        config
            .warnings
            .join("")
            .contains("CODEMODE_GRPC_TLS_ENABLED both set callback_tls.enabled")
    );
}

#[test]
fn an_open_key_file_and_an_unused_block_are_warned_about() {
    let bench = server("cert.pem", "key.pem");
    let key = bench.dir.path().join("key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(bench.load().unwrap().warnings.join("").contains("chmod 600"));
    let warnings = bench.with_env("CODEMODE_TLS_ENABLED", "false").load().unwrap().warnings;
    assert!(warnings.join("").contains("tls.enabled is false"), "{warnings:?}");
}

#[test]
fn a_refused_block_is_not_read() {
    let bench = server("none.pem", "none.pem").with_env("CODEMODE_TLS_MODE", "magic");
    assert_eq!(bench.report().1, 1);
}
