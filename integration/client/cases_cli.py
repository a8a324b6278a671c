"""The files that the command line writes, in the hands of the published client."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import grpc
from codemode.config.loader import ConfigLoader
from codemode.config.models import GrpcTlsConfig
from codemode.core.codemode import Codemode
from codemode.core.executor_client import ExecutorConnectionError

from apps import PackageApp
from harness import KEY, OPTIONS, Failure, case, check, equal
from sidecar import Sidecar, clean_environment

NO_COMMANDS = "its command line is another one"


def register(registry):
    registry.register_tool("word", lambda: "spoken")


def codemode(directory, *arguments):
    """What one command of the sidecar's own command line prints."""
    done = subprocess.run(
        [OPTIONS.sidecar_cmd[0], *arguments],
        cwd=directory,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    check(done.returncode == 0, f"{arguments}: {done.stderr}")
    return done.stdout


@case(beyond_reference=NO_COMMANDS)
def the_client_loads_what_init_writes():
    names = ("CODEMODE_EXECUTOR_URL", "CODEMODE_EXECUTOR_API_KEY")
    with (
        tempfile.TemporaryDirectory() as directory,
        PackageApp(register) as app,
        Sidecar(app.target) as sidecar,
    ):
        codemode(directory, "init", "client")
        # The file takes both from the environment.
        os.environ.update(zip(names, (f"http://127.0.0.1:{sidecar.port}", KEY)))
        try:
            config = ConfigLoader.load_client_config(Path(directory) / "codemode.yaml")
        finally:
            for name in names:
                del os.environ[name]
        equal(config.max_code_length, 10000, "max_code_length, as the sidecar has it")
        client = Codemode.from_client_config(config)
        try:
            equal(client.execute("result = 2 + 2"), "4", "a run")
        finally:
            client.close()


@case(beyond_reference=NO_COMMANDS)
def the_client_and_the_service_take_what_generate_certs_makes():
    with tempfile.TemporaryDirectory() as directory:
        certs = Path(directory) / "certs"
        codemode(directory, "tls", "generate-certs", "--output", str(certs))
        env = {
            "CODEMODE_TLS_ENABLED": "true",
            "CODEMODE_TLS_MODE": "custom",
            "CODEMODE_TLS_CERT_FILE": str(certs / "server.crt"),
            "CODEMODE_TLS_KEY_FILE": str(certs / "server.key"),
            "CODEMODE_TLS_CA_FILE": str(certs / "ca.crt"),
            "CODEMODE_TLS_REQUIRE_CLIENT_AUTH": "true",
        }
        shown = grpc.ssl_channel_credentials(
            *((certs / name).read_bytes() for name in ("ca.crt", "client.key", "client.crt"))
        )
        with (
            PackageApp(register) as app,
            Sidecar(app.target, env=env, credentials=shown) as sidecar,
        ):
            trusting = {"enabled": True, "mode": "custom", "ca_file": str(certs / "ca.crt")}
            known = GrpcTlsConfig(
                **trusting,
                client_cert_file=str(certs / "client.crt"),
                client_key_file=str(certs / "client.key"),
            )
            run = sidecar.executor_client(tls_config=known).execute("result = 2 + 2", [], {})
            equal(run.result, "4", "a run with the client's certificate")
            stranger = sidecar.executor_client(
                tls_config=GrpcTlsConfig(**trusting), retry_max_attempts=1
            )
            try:
                stranger.execute("result = 1", [], {})
            except ExecutorConnectionError:
                return
            raise Failure("a client without a certificate was let in")
