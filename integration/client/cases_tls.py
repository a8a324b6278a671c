"""TLS and mutual TLS, towards the client and towards the main app."""

from __future__ import annotations

from contextlib import contextmanager

import grpc
from codemode.config.models import GrpcTlsConfig
from codemode.core.executor_client import ExecutorConnectionError

from apps import PackageApp, World
from certificates import CERTIFICATES
from harness import Failure, case, check, equal
from rpc import RawClient, still_works
from sidecar import Sidecar


def server_env(mutual):
    """The sidecar's own TLS; `mutual` asks clients for a certificate."""
    env = {
        "CODEMODE_TLS_ENABLED": "true",
        "CODEMODE_TLS_MODE": "custom",
        "CODEMODE_TLS_CERT_FILE": CERTIFICATES.path("server.pem"),
        "CODEMODE_TLS_KEY_FILE": CERTIFICATES.path("server.key"),
    }
    if mutual:
        env["CODEMODE_TLS_CA_FILE"] = CERTIFICATES.path("ca.pem")
        env["CODEMODE_TLS_REQUIRE_CLIENT_AUTH"] = "true"
    return env


def callback_env(ca="ca", client=None):
    """TLS towards the main app: whom the sidecar trusts and what it shows."""
    env = {
        "CODEMODE_CALLBACK_TLS_ENABLED": "true",
        "CODEMODE_CALLBACK_TLS_CA_FILE": CERTIFICATES.path(f"{ca}.pem"),
    }
    if client:
        env["CODEMODE_CALLBACK_TLS_CLIENT_CERT"] = CERTIFICATES.path(f"{client}.pem")
        env["CODEMODE_CALLBACK_TLS_CLIENT_KEY"] = CERTIFICATES.path(f"{client}.key")
    return env


def older_names(ca="ca", client=None):
    """The same in the older variables, which the reference's tool calls still read."""
    env = {
        "CODEMODE_GRPC_TLS_ENABLED": "true",
        "CODEMODE_GRPC_TLS_MODE": "custom",
        "CODEMODE_GRPC_TLS_CA_FILE": CERTIFICATES.path(f"{ca}.pem"),
    }
    if client:
        env["CODEMODE_GRPC_TLS_CLIENT_CERT_FILE"] = CERTIFICATES.path(f"{client}.pem")
        env["CODEMODE_GRPC_TLS_CLIENT_KEY_FILE"] = CERTIFICATES.path(f"{client}.key")
    return env


def credentials(ca="ca", client=None):
    """What a raw client trusts and shows."""
    return grpc.ssl_channel_credentials(
        CERTIFICATES.read(f"{ca}.pem"),
        CERTIFICATES.read(f"{client}.key") if client else None,
        CERTIFICATES.read(f"{client}.pem") if client else None,
    )


def client_config(ca="ca", client=None):
    """What the published client trusts and shows."""
    return GrpcTlsConfig(
        enabled=True,
        mode="custom",
        ca_file=CERTIFICATES.path(f"{ca}.pem"),
        client_cert_file=CERTIFICATES.path(f"{client}.pem") if client else None,
        client_key_file=CERTIFICATES.path(f"{client}.key") if client else None,
    )


def main_app_config(mutual=False):
    """The main app's own TLS: with a CA it demands client certificates."""
    return GrpcTlsConfig(
        enabled=True,
        mode="custom",
        cert_file=CERTIFICATES.path("server.pem"),
        key_file=CERTIFICATES.path("server.key"),
        ca_file=CERTIFICATES.path("ca.pem") if mutual else None,
    )


def register(registry):
    registry.register_tool("word", lambda: "spoken")


@contextmanager
def secured():
    with (
        PackageApp(register) as app,
        Sidecar(app.target, env=server_env(False), credentials=credentials()) as sidecar,
    ):
        yield World(app, sidecar)


@contextmanager
def mutual():
    with (
        PackageApp(register) as app,
        Sidecar(
            app.target, env=server_env(True), credentials=credentials(client="client")
        ) as sidecar,
    ):
        yield World(app, sidecar)


def let_in(w, **shown):
    """The published client gets a result with these certificates."""
    client = w.sidecar.executor_client(tls_config=client_config(**shown))
    result = client.execute("result = tools['word'].run()", ["word"], {})
    equal(result.result, '"spoken"', f"a run with {shown}")


def kept_out(w, **shown):
    """The published client gets no connection with these certificates."""
    client = w.sidecar.executor_client(tls_config=client_config(**shown), retry_max_attempts=1)
    try:
        client.execute("result = 1", [], {})
    except ExecutorConnectionError as error:
        equal(error.__cause__.code(), grpc.StatusCode.UNAVAILABLE, f"status with {shown}")
        return
    raise Failure(f"a client was let in with {shown}")


@case(secured)
def a_client_that_trusts_the_authority_is_served(w):
    let_in(w)
    still_works(w.raw)


@case(secured)
def a_client_that_trusts_another_authority_stays_away(w):
    kept_out(w, ca="other")
    let_in(w)


@case(secured)
def a_client_without_tls_is_not_served(w):
    plain = RawClient(f"127.0.0.1:{w.sidecar.port}")
    try:
        plain.health(timeout=5)
        raise Failure("a plaintext client got an answer")
    except grpc.RpcError as error:
        check(error.code() == grpc.StatusCode.UNAVAILABLE, f"status {error.code()}")
    finally:
        plain.close()
    let_in(w)


@case(mutual)
def mutual_tls_lets_in_a_known_certificate(w):
    let_in(w, client="client")


@case(mutual)
def mutual_tls_keeps_out_clients_without_a_certificate(w):
    kept_out(w)
    let_in(w, client="client")


@case(mutual)
def mutual_tls_keeps_out_a_strangers_certificate(w):
    kept_out(w, client="stranger")
    let_in(w, client="client")


def reaches_main_app(target, **shown):
    """A run's tool call arrives at a main app with TLS."""
    extra = older_names(**shown)
    with Sidecar(target, env=callback_env(**shown), reference_env=extra) as sidecar:
        equal(sidecar.raw.ready().status, "ready", f"Ready with {shown}")
        value = sidecar.raw.value("result = tools['word'].run()", tools=["word"])
        equal(value, "spoken", f"a tool call with {shown}")


def misses_main_app(target, env):
    """Neither Ready nor a run gets through to the main app."""
    with Sidecar(target, env=env) as sidecar:
        equal(sidecar.raw.ready().status, "unreachable", "Ready")
        outcome = sidecar.raw.outcome("result = tools['word'].run()", tools=["word"])
        check(outcome.refused and outcome.text, f"got {outcome}")
        still_works(sidecar.raw)


@case()
def callbacks_use_tls():
    with PackageApp(register, tls=main_app_config()) as app:
        reaches_main_app(app.target)


@case()
def callbacks_distrust_another_authority():
    with PackageApp(register, tls=main_app_config()) as app:
        misses_main_app(app.target, callback_env(ca="other"))


@case()
def callbacks_without_tls_do_not_reach_a_main_app_with_it():
    with PackageApp(register, tls=main_app_config()) as app:
        misses_main_app(app.target, {})


@case()
def callbacks_show_their_certificate():
    with PackageApp(register, tls=main_app_config(mutual=True)) as app:
        reaches_main_app(app.target, client="client")


@case()
def callbacks_without_a_certificate_are_kept_out():
    with PackageApp(register, tls=main_app_config(mutual=True)) as app:
        misses_main_app(app.target, callback_env())
        misses_main_app(app.target, callback_env(client="stranger"))


@case(beyond_reference="its sidecar no longer reads the older names")
def the_older_names_mean_both_sides():
    env = {
        **older_names(),
        "CODEMODE_GRPC_TLS_CERT_FILE": CERTIFICATES.path("server.pem"),
        "CODEMODE_GRPC_TLS_KEY_FILE": CERTIFICATES.path("server.key"),
    }
    with (
        PackageApp(register, tls=main_app_config()) as app,
        Sidecar(app.target, env=env, credentials=credentials()) as sidecar,
    ):
        let_in(World(app, sidecar))
        equal(sidecar.raw.ready().status, "ready", "Ready")
