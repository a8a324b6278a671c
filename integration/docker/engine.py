"""A Docker Engine to test against: the one that is there, or one started for the tests alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import Failure, Skip

# Debian's release of the base image that is made where no registry is in reach.
SUITE = os.environ.get("CODEMODE_TEST_DEBIAN", "bookworm")
# What the Dockerfile builds on unless told otherwise.
USUAL_BASE = "python:3.12-slim"
# Away from the address ranges that engines choose by themselves.
BRIDGE = "10.213.0.1/24"


def run(command: list[str], timeout: float = 120, **kw: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, with what it printed."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **kw)


def succeed(command: list[str], timeout: float = 120, **kw: Any) -> str:
    """Runs a command that must succeed; what it printed on standard output."""
    done = run(command, timeout, **kw)
    if done.returncode != 0:
        tail = (done.stdout + done.stderr).strip()[-3000:]
        raise Failure(f"`{' '.join(command)}` exited with {done.returncode}:\n{tail}")
    return done.stdout.strip()


class Engine:
    """Docker, by its command line. A context manager; an engine of ours ends with it."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.directory: Path | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.containers: list[str] = []
        self.volumes: list[str] = []

    def __enter__(self) -> Engine:
        try:
            self._find_or_start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        if self.containers:
            run(["docker", "rm", "--force", "--volumes", *self.containers])
        if self.volumes:
            run(["docker", "volume", "rm", "--force", *self.volumes])
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.directory is not None:
            self._remove_directory(self.directory)

    @staticmethod
    def _remove_directory(directory: Path) -> None:
        # What a container that was killed left mounted must not be removed with the rest.
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            points = [line.split()[1] for line in mounts]
        for point in reversed(points):
            if point.startswith(f"{directory}/"):
                run(["umount", "--lazy", point])
        shutil.rmtree(directory, ignore_errors=True)

    def _find_or_start(self) -> None:
        if shutil.which("docker") is None:
            raise Skip("there is no docker command (Debian: apt-get install docker.io)")
        if run(["docker", "version"]).returncode == 0:
            return
        if os.geteuid() != 0:
            raise Skip("no Docker Engine answers, and only root can start one")
        if shutil.which("dockerd") is None:
            raise Skip("no Docker Engine answers, and there is no dockerd (Debian: docker.io)")
        self._start()

    def _start(self) -> None:
        # Short: a socket's path has at most 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="cmd-", dir="/tmp"))
        at = self.directory
        socket = f"unix://{at}/docker.sock"
        command = [
            "dockerd", "--iptables=false", "--ip6tables=false", "--ip-masq=false", f"--bip={BRIDGE}",
            f"--host={socket}", f"--data-root={at}/data", f"--exec-root={at}/exec",
            f"--pidfile={at}/pid",
        ]  # fmt: skip
        log = at / "log"
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        os.environ["DOCKER_HOST"] = socket
        # The user's own configuration may name another engine, or a builder that isn't there.
        os.environ["DOCKER_CONFIG"] = f"{at}/config"
        deadline = time.monotonic() + 60
        while run(["docker", "version"]).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise Skip(f"dockerd does not start on this machine:\n{tail}")
            time.sleep(0.2)

    def base_image(self) -> str:
        """An image with Python: as named by CODEMODE_TEST_BASE, pulled, or made with debootstrap."""
        named = os.environ.get("CODEMODE_TEST_BASE")
        if named:
            return named
        if self.process is None and run(["docker", "pull", USUAL_BASE], timeout=600).returncode == 0:
            return USUAL_BASE
        image = f"codemode-test-base:{SUITE}"
        if run(["docker", "image", "inspect", image]).returncode == 0:
            return image
        succeed(["docker", "import", str(self._base_archive()), image], timeout=600)
        return image

    def _base_archive(self) -> Path:
        archive = self.cache / f"base-{SUITE}.tar"
        if archive.exists():
            return archive
        if shutil.which("debootstrap") is None or os.geteuid() != 0:
            raise Skip("a base image takes debootstrap and root; or name one in CODEMODE_TEST_BASE")
        print(f"    making a base image of Debian {SUITE} with debootstrap", flush=True)
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache) as root:
            packages = "python3,ca-certificates"
            made = run(
                ["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, root],
                timeout=1200,
            )
            if made.returncode != 0:
                raise Skip(f"debootstrap failed:\n{(made.stdout + made.stderr)[-1500:]}")
            unfinished = archive.with_suffix(".part")
            succeed(["tar", "--directory", root, "--create", "--file", str(unfinished), "."], 600)
        unfinished.rename(archive)
        return archive

    def inspect(self, name: str) -> dict[str, Any]:
        """What Docker knows of a container."""
        return json.loads(succeed(["docker", "container", "inspect", name]))[0]

    def logs(self, name: str) -> str:
        """All that a container printed."""
        done = run(["docker", "logs", name])
        return done.stdout + done.stderr

    def forget(self, name: str) -> None:
        """Removes a container."""
        run(["docker", "rm", "--force", "--volumes", name])
        if name in self.containers:
            self.containers.remove(name)
