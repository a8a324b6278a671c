"""Containers of the image under test, started with the guide's flags."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc

from engine import Engine, run, succeed
from harness import KEY, Failure
from rpc import RawClient
from sidecar import free_port

IMAGE = "codemode-executor:test"
HARDENED = [
    "--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true",
    "--read-only", "--tmpfs", "/tmp:size=100M,mode=1777",
    "--memory", "512m", "--memory-swap", "512m", "--cpus", "1", "--pids-limit", "512",
    "--add-host", "host.docker.internal:host-gateway",
]  # fmt: skip
_numbers = itertools.count(1)


class Site:
    """The engine, the directory that `codemode docker assets` wrote, and the image built from it."""

    def __init__(self, engine: Engine, assets: Path, binary: str, base: str) -> None:
        self.engine = engine
        self.assets = assets
        self.binary = binary
        self.base = base
        # Whether names and ports of the engine are nobody else's.
        self.private = engine.process is not None or bool(os.environ.get("CODEMODE_TEST_LITERAL"))

    @property
    def seccomp(self) -> list[str]:
        return ["--security-opt", f"seccomp={self.assets}/seccomp.json"]

    def name(self) -> str:
        """A container name that is free, and is removed at the end."""
        name = f"codemode-test-{os.getpid()}-{next(_numbers)}"
        self.engine.containers.append(name)
        return name

    def once(
        self, flags: Iterable[str], *arguments: str, stdin: str = "", timeout: float = 60
    ) -> tuple[int, str, str]:
        """Runs `codemode ARGUMENTS` in a container to its end: exit code, output, errors."""
        command = ["docker", "run", "--rm", "--interactive", "--name", self.name(), *flags, IMAGE]
        done = run([*command, *arguments], timeout, stdin=None, input=stdin)
        return done.returncode, done.stdout, done.stderr


class Container:
    """A service in a container, reached through a published port. A context manager."""

    def __init__(
        self,
        site: Site,
        flags: Iterable[str] | None = None,
        env: dict[str, str] | None = None,
        target: str = "host.docker.internal:1",
        publish: bool = True,
    ) -> None:
        self.site = site
        self.port = free_port()
        variables = {"CODEMODE_API_KEY": KEY, "MAIN_APP_GRPC_TARGET": target, **(env or {})}
        self.name = site.name()
        self.command = ["docker", "run", "--detach", "--name", self.name]
        if publish:
            self.command += ["--publish", f"127.0.0.1:{self.port}:8001"]
        self.command += [*HARDENED, *site.seccomp] if flags is None else flags
        for name, value in variables.items():
            self.command += ["--env", f"{name}={value}"]

    def __enter__(self) -> Container:
        succeed([*self.command, IMAGE])
        try:
            self._wait_until_healthy()
        except BaseException:
            self.site.engine.forget(self.name)
            raise
        self.client = RawClient(f"127.0.0.1:{self.port}")
        return self

    def __exit__(self, *_: Any) -> None:
        self.client.close()
        self.site.engine.forget(self.name)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            # A channel anew each time: one that was refused waits before it tries again.
            client = RawClient(f"127.0.0.1:{self.port}")
            try:
                if client.health(timeout=1).status == "healthy":
                    return
            except grpc.RpcError:
                pass
            finally:
                client.close()
            state = self.site.engine.inspect(self.name)["State"]
            if not state["Running"] or time.monotonic() > deadline:
                raise Failure(f"the service does not answer ({state['Status']}):\n{self.log()}")
            time.sleep(0.1)

    def log(self) -> str:
        """What the service printed."""
        return self.site.engine.logs(self.name)

    def execute(self, *arguments: str, timeout: float = 60) -> str:
        """Output of a command in the container, beside the service."""
        return succeed(["docker", "exec", self.name, *arguments], timeout)

    def processes(self) -> list[int]:
        """Process ids of all its processes, as the host counts them."""
        listing = succeed(["docker", "top", self.name, "-eo", "pid"])
        return [int(line) for line in listing.splitlines()[1:]]
