//! `codemode health` against `codemode serve`.

use crate::harness::{Desk, Service, free_port, text};

#[test]
fn a_service_is_healthy_until_it_ends() {
    let desk = Desk::new();
    let service = Service::start(&desk, &[]);
    // With the settings of `serve`, in a directory where it reads no file.
    let port = service.port.clone();
    let env = [("CODEMODE_SIDECAR_PORT", port.as_str())];
    assert_eq!(desk.run_with(&["health"], &env).done(), "healthy\n");
    let said = desk.run_with(&["health", "--json"], &env);
    let answer = said.json();
    assert_eq!((&answer["ok"], &answer["status"]), (&true.into(), &"healthy".into()));
    assert_eq!(answer["version"], env!("CARGO_PKG_VERSION"));
    let address = format!("localhost:{}", service.port);
    assert_eq!(desk.run(&["health", "--address", &address]).done(), "healthy\n");
    drop(service);
    let words = ["127.0.0.1:", "does not answer"];
    desk.run_with(&["health", "--timeout", "10"], &env).refused(1, &words);
    let said = desk.run_with(&["health", "--json"], &env);
    assert_eq!((said.code, &said.json()["ok"]), (Some(1), &false.into()));
}

#[test]
fn ready_asks_for_the_main_application() {
    let desk = Desk::new();
    let target = format!("localhost:{}", free_port());
    let service = Service::start(&desk, &[("MAIN_APP_GRPC_TARGET", &target)]);
    let env = [("CODEMODE_SIDECAR_PORT", service.port.as_str())];
    assert_eq!(desk.run_with(&["health"], &env).done(), "healthy\n");
    let said = desk.run_with(&["health", "--ready"], &env);
    assert_eq!(said.out, "unreachable\n");
    said.refused(1, &["main application", &target]);
}

#[test]
fn only_what_it_needs_of_the_settings_is_checked() {
    let desk = Desk::new();
    let service = Service::start(&desk, &[]);
    let text = format!("port: {}\nhost: 0.0.0.0\nunknown: 1\nlimits: {{queue: x}}\n", service.port);
    desk.write("sidecar.yaml", &text);
    let env = [("CODEMODE_ALLOW_DIRECT_EXECUTION", "nonsense")];
    assert_eq!(desk.run_with(&["health"], &env).done(), "healthy\n");
    let env = [("CODEMODE_SIDECAR_PORT", "abc")];
    desk.run_with(&["health"], &env).refused(2, &["CODEMODE_SIDECAR_PORT", "abc"]);
    desk.run(&["health", "--address", "nowhere"])
        .refused(2, &["--address", "nowhere", "HOST:PORT"]);
}

#[test]
fn tls_is_spoken_as_the_service_is_set_up() {
    let desk = Desk::new();
    desk.run(&["tls", "generate-certs", "--output", "certs"]).done();
    desk.run(&["tls", "generate-certs", "--output", "other"]).done();
    let path = |name: &str| text(&desk.path(name)).to_owned();
    let (cert, key, ca) =
        (path("certs/server.crt"), path("certs/server.key"), path("certs/ca.crt"));
    let mut tls = vec![
        ("CODEMODE_TLS_ENABLED", "true"),
        ("CODEMODE_TLS_MODE", "custom"),
        ("CODEMODE_TLS_CERT_FILE", &cert),
        ("CODEMODE_TLS_KEY_FILE", &key),
    ];
    let service = Service::start(&desk, &tls);
    let port = service.port.clone();
    tls.push(("CODEMODE_SIDECAR_PORT", &port));
    assert_eq!(desk.run_with(&["health"], &tls).done(), "healthy\n");
    let address = format!("localhost:{}", service.port);
    let ask = |ca: &str| desk.run(&["health", "--address", &address, "--tls-ca", ca]);
    assert_eq!(ask("certs/ca.crt").done(), "healthy\n");
    // Another authority's word is not taken, another certificate is not the service's, plaintext gets no answer.
    ask("other/ca.crt").refused(1, &["does not answer", "certificate"]);
    tls[2].1 = "other/server.crt";
    desk.run_with(&["health"], &tls).refused(1, &["another certificate"]);
    desk.run(&["health", "--address", &address]).refused(1, &["does not answer"]);
    ask("certs/server.key").refused(1, &["no certificate in PEM"]);
    drop(service);

    tls.truncate(4);
    tls[2].1 = &cert;
    tls.extend([("CODEMODE_TLS_REQUIRE_CLIENT_AUTH", "true"), ("CODEMODE_TLS_CA_FILE", &ca)]);
    let service = Service::start(&desk, &tls);
    tls.push(("CODEMODE_SIDECAR_PORT", &service.port));
    let words = ["tls.require_client_auth", "--tls-cert", "CODEMODE_HEALTH_TLS_CERT_FILE"];
    desk.run_with(&["health"], &tls).refused(2, &words);
    let shown = |directory: &str| {
        let (cert, key) = (format!("{directory}/client.crt"), format!("{directory}/client.key"));
        desk.run_with(&["health", "--tls-cert", &cert, "--tls-key", &key], &tls)
    };
    assert_eq!(shown("certs").done(), "healthy\n");
    shown("other").refused(1, &["does not answer"]);
    tls.push(("CODEMODE_HEALTH_TLS_CERT_FILE", "certs/client.crt"));
    tls.push(("CODEMODE_HEALTH_TLS_KEY_FILE", "certs/client.key"));
    assert_eq!(desk.run_with(&["health"], &tls).done(), "healthy\n");
}
