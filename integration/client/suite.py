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
import threading
import time
import traceback
from fnmatch import fnmatch
from typing import Any

# The sidecar's own logging is in its log file; gRPC's notes on refused connections are expected here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
logging.disable(logging.CRITICAL)

from certificates import CERTIFICATES  # noqa: E402
from harness import CASES, OPTIONS, Case, Failure, Skip  # noqa: E402
from sidecar import REFERENCE_CMD, stop_everything  # noqa: E402

GROUPS = ["basic", "tools", "main_app", "errors", "input", "auth", "tls", "lifecycle", "cli"]


def run_with_timeout(case: Case, world: Any) -> str | None:
    """Run one case in its own thread; the reason it failed, or None. Raises Skip."""
    outcome: list[BaseException | None] = []

    def body() -> None:
        try:
            case.function(*([world] if case.world else []))
            outcome.append(None)
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=body, name=case.name, daemon=True)
    thread.start()
    thread.join(case.timeout)
    if thread.is_alive():
        frame = sys._current_frames().get(thread.ident)
        where = "".join(traceback.format_stack(frame)[-3:]) if frame else ""
        return f"no end after {case.timeout} s\n{where}"
    error = outcome[0]
    if error is None:
        return None
    if isinstance(error, Skip):
        raise error
    if isinstance(error, Failure):
        return str(error)
    return "".join(traceback.format_exception(error)[-4:]).strip()


class Runner:
    """Runs cases in order and keeps a world standing while neighbours share it."""

    def __init__(self) -> None:
        self.passed = self.failed = self.skipped = 0
        self._spec: Any = None
        self._manager: Any = None
        self._world: Any = None

    def run(self, case: Case) -> None:
        if OPTIONS.reference and case.beyond_reference:
            self._skip(case, f"beyond the reference: {case.beyond_reference}")
            return
        started = time.monotonic()
        try:
            self._enter(case.world)
            why = run_with_timeout(case, self._world) or self._sidecar_is_gone()
        except Skip as skip:
            self._skip(case, str(skip))
            return
        except Exception as error:
            why = f"its world did not start: {error}"
        seconds = time.monotonic() - started
        if why is None:
            self.passed += 1
            print(f"ok {case.group}::{case.name} ({seconds:.1f} s)", flush=True)
            return
        self.failed += 1
        print(f"FAIL {case.group}::{case.name}: {why}", flush=True)
        lines = self._world.sidecar.log() if self._world is not None else ""
        if lines:
            print(f"    the sidecar's last lines:\n{lines}", flush=True)
        # Whatever a failed case left running must not touch the next one.
        self.leave()

    def _skip(self, case: Case, why: str) -> None:
        self.skipped += 1
        print(f"skip {case.group}::{case.name}: {why}", flush=True)

    def _sidecar_is_gone(self) -> str | None:
        if self._world is None:
            return None
        sidecar = self._world.sidecar
        code = sidecar.exit_code()
        if code is None or sidecar.expected_to_be_gone:
            return None
        return f"the sidecar exited with {code}"

    def _enter(self, spec: Any) -> None:
        if spec is self._spec and self._world is not None:
            return
        self.leave()
        if spec is not None:
            manager = spec()
            self._world = manager.__enter__()
            self._manager, self._spec = manager, spec

    def leave(self) -> None:
        """Stop the current world."""
        manager, self._manager, self._world, self._spec = self._manager, None, None, None
        if manager is not None:
            try:
                manager.__exit__(None, None, None)
            except Exception as error:
                print(f"    (stopping a world: {error})", flush=True)


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
    runner = Runner()
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
