#!/usr/bin/env python3
"""The published client against a running sidecar.

Run with a Python that has requirements.txt installed:

    python suite.py                                      # the reference sidecar
    python suite.py --sidecar-cmd "target/debug/codemode serve"

Prints `ok`, `FAIL` or `skip` for each case and a last line with the counts; exits 1 when a case failed.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import shlex
import signal
import sys
import traceback
from fnmatch import fnmatch
from typing import Any

# The sidecar's own logging is in its log file; gRPC's notes on refused connections are expected here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
logging.disable(logging.CRITICAL)

from certificates import CERTIFICATES  # noqa: E402
from harness import CASES, OPTIONS, Case  # noqa: E402
from runner import Runner  # noqa: E402
from sidecar import REFERENCE_CMD, stop_everything  # noqa: E402

GROUPS = ["basic", "tools", "main_app", "calls", "errors", "input", "auth", "tls", "lifecycle", "cli"]


class SidecarRunner(Runner):
    """Knows the sidecar of a world."""

    def is_gone(self, world: Any) -> str | None:
        if world is None:
            return None
        code = world.sidecar.exit_code()
        if code is None or world.sidecar.expected_to_be_gone:
            return None
        return f"the sidecar exited with {code}"

    def log_of(self, world: Any) -> str:
        return world.sidecar.log()


def chosen(arguments: argparse.Namespace) -> list[Case]:
    """The cases asked for, neighbours of the same world together."""
    for group in arguments.group or GROUPS:
        importlib.import_module(f"cases_{group}")
    wanted = [
        case
        for case in CASES
        if not arguments.only
        or arguments.only in f"{case.group}::{case.name}"
        or fnmatch(case.name, arguments.only)
    ]
    order: dict[tuple[str, Any], int] = {}
    for case in wanted:
        order.setdefault((case.group, case.world), len(order))
    return sorted(wanted, key=lambda case: order[(case.group, case.world)])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="PATTERN", help="a part of a case's name, or a glob")
    parser.add_argument("--group", action="append", choices=GROUPS, help="only this group of cases")
    parser.add_argument("--sidecar-cmd", metavar="CMD", help="how to start the sidecar")
    parser.add_argument(
        "--reference", action="store_true", help="the sidecar is the reference: skip what it lacks"
    )
    parser.add_argument("--list", action="store_true", help="print the cases' names and stop")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    OPTIONS.reference = arguments.reference or not arguments.sidecar_cmd
    OPTIONS.sidecar_cmd = (
        shlex.split(arguments.sidecar_cmd) if arguments.sidecar_cmd else REFERENCE_CMD
    )
    cases = chosen(arguments)
    if arguments.list:
        print("\n".join(f"{case.group}::{case.name}" for case in cases))
        return 0
    runner = SidecarRunner()
    try:
        for case in cases:
            runner.run(case)
    finally:
        runner.leave()
        stop_everything()
        CERTIFICATES.remove()
    print(f"{runner.passed} passed, {runner.failed} failed, {runner.skipped} skipped", flush=True)
    # A pattern that matches nothing must not look like success.
    return 1 if runner.failed or not cases else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    # A case that hangs leaves threads the interpreter would wait for.
    os._exit(code)
