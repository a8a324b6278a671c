"""Starting and stopping the sidecar under test, each on its own free port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any

import grpc
from codemode.config import ClientConfig
from codemode.core.codemode import Codemode
from codemode.core.executor_client import ExecutorClient

from harness import KEY, OPTIONS, Failure
from loop import LOOP
from rpc import RawClient

REFERENCE_CMD = [sys.executable, "-m", "codemode.executor.service"]
OURS = ("CODEMODE_", "MAIN_APP_", "EXECUTOR_")
# Every process started and not yet reaped, so that an interrupted suite leaves none behind.
RUNNING: set[subprocess.Popen[bytes]] = set()


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def clean_environment(**extra: str) -> dict[str, str]:
    """The suite's environment without anything that configures a sidecar but its Python, plus `extra`."""
    kept = {k: v for k, v in os.environ.items() if k == "CODEMODE_PYTHON" or not k.startswith(OURS)}
    return {**kept, **extra}


def spawn(command: list[str], **kw: Any) -> subprocess.Popen[bytes]:
    """Start a child that `stop_everything` knows of."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **kw)
    RUNNING.add(child)
    return child


def end(child: subprocess.Popen[bytes], grace: float = 5) -> int:
    """SIGTERM, then SIGKILL after `grace` seconds; returns the exit code."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            child.kill()
    code = child.wait()
    RUNNING.discard(child)
    return code


def stop_everything() -> None:
    """End all children; for the way out of the suite."""
    for child in list(RUNNING):
        end(child, grace=3)


class Sidecar:
    """One sidecar process; a context manager that waits until Health answers.

    `target` is the main app's host:port, `env` more variables, `reference_env` variables that
    only the reference needs, `credentials` what a client must show when the sidecar has TLS.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:1",
        env: dict[str, str] | None = None,
        reference_env: dict[str, str] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self.port = free_port()
        self.target = target
        self.credentials = credentials
        self.env = clean_environment(
            CODEMODE_SIDECAR_PORT=str(self.port),
            CODEMODE_SIDECAR_HOST="127.0.0.1",
            MAIN_APP_GRPC_TARGET=target,
            CODEMODE_MAIN_APP_TARGET=target,
            CODEMODE_API_KEY=KEY,
            PYTHONDONTWRITEBYTECODE="1",
            **(env or {}),
            **((reference_env or {}) if OPTIONS.reference else {}),
        )
        self.directory = tempfile.mkdtemp(prefix="codemode-client-")
        self.log_path = os.path.join(self.directory, "log")
        self.child: subprocess.Popen[bytes] | None = None
        self.expected_to_be_gone = False
        self._clients: list[Any] = []

    @property
    def host_port(self) -> str:
        # The certificates name localhost, so a secured sidecar is called by that name.
        return f"{'localhost' if self.credentials else '127.0.0.1'}:{self.port}"

    @property
    def raw(self) -> RawClient:
        """A raw client, made on first use."""
        for client in self._clients:
            if isinstance(client, RawClient):
                return client
        return self._keep(RawClient(self.host_port, self.credentials))

    def executor_client(self, **kw: Any) -> ExecutorClient:
        """The published client for this sidecar; `kw` goes to its constructor."""
        kw.setdefault("api_key", KEY)
        scheme = "https" if kw.get("tls_config") else "http"
        host = "localhost" if kw.get("tls_config") else "127.0.0.1"
        return self._keep(ExecutorClient(executor_url=f"{scheme}://{host}:{self.port}", **kw))

    def codemode(self, registry: Any = None) -> Codemode:
        """The published high-level object for this sidecar."""
        config = ClientConfig(executor_url=f"http://127.0.0.1:{self.port}", executor_api_key=KEY)
        return self._keep(Codemode.from_client_config(config, registry=registry))

    def _keep(self, client: Any) -> Any:
        self._clients.append(client)
        return client

    def start(self) -> None:
        """Start the process and poll Health until it answers."""
        with open(self.log_path, "ab") as log:
            self.child = spawn(
                OPTIONS.sidecar_cmd, env=self.env, cwd=self.directory, stdout=log, stderr=log
            )
        probe = RawClient(self.host_port, self.credentials)
        try:
            self._wait_until_healthy(probe)
        finally:
            probe.close()

    def _wait_until_healthy(self, probe: RawClient) -> None:
        deadline = time.monotonic() + 20
        while True:
            if self.exit_code() is not None:
                raise Failure(f"the sidecar exited with {self.exit_code()} at start\n{self.log()}")
            try:
                # wait_for_ready spares us the channel's own growing back-off.
                if probe.health(timeout=1).status == "healthy":
                    return
            except grpc.RpcError:
                pass
            if time.monotonic() > deadline:
                raise Failure(f"Health did not answer within 20 s\n{self.log()}")
            time.sleep(0.05)

    def exit_code(self) -> int | None:
        """None while the process runs."""
        return self.child.poll() if self.child else None

    def terminate(self) -> None:
        """Send SIGTERM and come back at once."""
        if self.child:
            self.expected_to_be_gone = True
            self.child.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> int:
        """The exit code, which must come within `seconds`."""
        try:
            return self.child.wait(seconds) if self.child else 0
        except subprocess.TimeoutExpired:
            raise Failure(f"the sidecar still runs {seconds} s after SIGTERM") from None

    def stop(self) -> None:
        """End the process; it can be started again on the same port."""
        if self.child:
            end(self.child)
            self.child = None

    def log(self, lines: int = 20) -> str:
        """The last lines the sidecar printed, for a failure report."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(f"    | {line}" for line in log.readlines()[-lines:])

    def __enter__(self) -> Sidecar:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        for client in self._clients:
            if isinstance(client, ExecutorClient):
                LOOP.run(client.close_async())
            else:
                client.close()
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
