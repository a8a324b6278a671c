"""Runs cases in order, each with a time limit; a world stands while neighbours share it."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from typing import Any

from harness import OPTIONS, Case, Failure, Skip


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
            why = run_with_timeout(case, self._world) or self.is_gone(self._world)
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
        lines = self.log_of(self._world) if self._world is not None else ""
        if lines:
            print(f"    the service's last lines:\n{lines}", flush=True)
        # Whatever a failed case left running must not touch the next one.
        self.leave()

    def _skip(self, case: Case, why: str) -> None:
        self.skipped += 1
        print(f"skip {case.group}::{case.name}: {why}", flush=True)

    def is_gone(self, world: Any) -> str | None:
        """Why the service of a world went away that should be there still."""
        return None

    def log_of(self, world: Any) -> str:
        """What the service of a world printed last."""
        return ""

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
