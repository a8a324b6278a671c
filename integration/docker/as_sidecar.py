#!/usr/bin/env python3
"""Starts the service in a container as the client suite starts it on the host: settings from the
environment, the same ports, files by the same paths. Takes the place of `codemode serve`.

    as_sidecar.py SECCOMP_PROFILE IMAGE
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from types import FrameType

PREFIXES = ("CODEMODE_", "MAIN_APP_", "EXECUTOR_", "OTEL_")


def readable(path: str, directory: str) -> str:
    """A copy of a file that the container's user may read, and nobody else."""
    copy = os.path.join(directory, f"copy-{os.path.basename(path)}")
    shutil.copyfile(path, copy)
    os.chmod(copy, 0o600)
    if os.geteuid() == 0:
        os.chown(copy, 1000, 1000)
    return copy


def main() -> int:
    profile, image = sys.argv[1:3]
    name = f"codemode-suite-{os.getpid()}"
    directory = os.getcwd()
    command = [
        "docker", "run", "--rm", "--name", name, "--network", "host",
        "--user", "1000:1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true",
        "--security-opt", f"seccomp={profile}", "--read-only", "--tmpfs", "/tmp:size=100M,mode=1777",
        "--memory", "512m", "--memory-swap", "512m", "--workdir", "/app",
    ]  # fmt: skip
    for variable, value in os.environ.items():
        if variable.startswith(PREFIXES):
            # By name: values stay off the command line.
            command += ["--env", variable]
            if value.startswith("/") and os.path.isfile(value):
                command += ["--volume", f"{readable(value, directory)}:{value}:ro"]
    config = os.path.join(directory, "codemode-sidecar.yaml")
    if os.path.exists(config):
        command += ["--volume", f"{config}:/app/codemode-sidecar.yaml:ro"]
    client = subprocess.Popen([*command, image, "serve"])

    def pass_on(number: int, _frame: FrameType | None) -> None:
        # docker run passes it on as well, but not before the container has started.
        subprocess.run(["docker", "kill", "--signal", str(number), name], capture_output=True)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    while True:
        try:
            return client.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main())
