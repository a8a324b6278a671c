#!/usr/bin/env python3
"""The service in a real Docker: the guide's ways, the sandbox nested in a hardened container, tiers, mistakes.

Run with a Python that has client/requirements.txt installed:

    python suite.py --binary target/debug/codemode [--group inside] [--only PATTERN]

Uses the Docker Engine that answers, else starts one of its own (root, with Debian's docker.io), with a base
image that CODEMODE_TEST_BASE names or debootstrap makes. Prints `ok`, `FAIL` or `skip` for each case.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CLIENT = HERE.parent / "client"
sys.path[:0] = [str(HERE), str(CLIENT)]
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
logging.disable(logging.CRITICAL)

from container import IMAGE, Site  # noqa: E402
from engine import USUAL_BASE, Engine, succeed  # noqa: E402
from harness import CASES, Skip  # noqa: E402
from runner import Runner  # noqa: E402
from site_under_test import set_site  # noqa: E402

GROUPS = ["guide", "inside", "tiers", "outside", "prove", "siege"]
PUBLISHED = "client"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, help="the codemode binary under test")
    parser.add_argument("--group", action="append", choices=[*GROUPS, PUBLISHED])
    parser.add_argument("--only", metavar="PATTERN", help="a part of a case's name")
    parser.add_argument("--cache", default=str(HERE / "cache"), help="where the base image is kept")
    return parser.parse_args()


def build(engine: Engine, directory: Path, binary: str) -> Site:
    """Builds the image as a user does: from what the binary itself writes, without the repository."""
    base = engine.base_image()
    if engine.process is not None:
        # The name that the Dockerfile has by default; this engine is ours alone.
        succeed(["docker", "tag", base, USUAL_BASE])
    succeed([binary, "docker", "assets", "--dest", str(directory)])
    command = [binary, "docker", "build", "--dir", str(directory), "--tag", IMAGE, "--base", base]
    succeed(command, timeout=600)
    return Site(engine, directory, binary, base)


def published_client(site: Site) -> int:
    """The client suite of the host, with each of its services in a container."""
    wrapper = [sys.executable, str(HERE / "as_sidecar.py"), f"{site.assets}/seccomp.json", IMAGE]
    command = [sys.executable, "-B", str(CLIENT / "suite.py"), "--sidecar-cmd", shlex.join(wrapper)]
    # What these do to the service takes its process on this host.
    for group in ("basic", "tools", "main_app", "calls", "errors", "input", "auth", "tls", "lifecycle"):
        command += ["--group", group]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode


class ContainerRunner(Runner):
    """Knows the container of a world."""

    def log_of(self, world: Any) -> str:
        return "".join(f"    | {line}\n" for line in world.log().splitlines()[-15:])


def run_cases(pattern: str | None) -> bool:
    """Whether any case failed. A pattern that matches nothing must not look like success."""
    runner = ContainerRunner()
    wanted = [case for case in CASES if not pattern or pattern in f"{case.group}::{case.name}"]
    try:
        for case in wanted:
            runner.run(case)
    finally:
        runner.leave()
    print(f"{runner.passed} passed, {runner.failed} failed, {runner.skipped} skipped", flush=True)
    return bool(runner.failed) or not wanted


def main() -> int:
    arguments = parse()
    groups = arguments.group or [*GROUPS, PUBLISHED]
    binary = str(Path(arguments.binary).resolve())
    for group in groups:
        if group != PUBLISHED:
            importlib.import_module(f"cases_{group}")
    try:
        with Engine(Path(arguments.cache)) as engine, tempfile.TemporaryDirectory() as directory:
            site = build(engine, Path(directory), binary)
            set_site(site)
            failed = run_cases(arguments.only)
            if PUBLISHED in groups and not arguments.only:
                failed = bool(published_client(site)) or failed
    except Skip as skip:
        print(f"skip docker: {skip}", flush=True)
        return 77
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)
