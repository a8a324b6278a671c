"""What every case file uses: the case registry, the checks, and the options of this run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# A fresh key per run of the suite. Its shape lets a program look for keys without holding one.
KEY = "ckey-" + secrets.token_hex(16)


class Failure(AssertionError):
    """A case did not see what it must see."""


class Skip(Exception):
    """This machine lacks something the case needs."""


@dataclass
class Options:
    """Set once from the command line before any case runs."""

    sidecar_cmd: list[str]
    reference: bool


OPTIONS = Options(sidecar_cmd=[], reference=False)


@dataclass(frozen=True)
class Case:
    """One test. `world` is a context manager function shared by neighbouring cases, or None."""

    name: str
    group: str
    function: Callable[..., None]
    world: Callable[[], Any] | None
    timeout: float
    beyond_reference: str


CASES: list[Case] = []


def case(
    world: Callable[[], Any] | None = None,
    timeout: float = 60,
    beyond_reference: str = "",
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a case. `beyond_reference` says what the reference sidecar lacks; it is skipped there."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        group = function.__module__.removeprefix("cases_")
        CASES.append(Case(function.__name__, group, function, world, timeout, beyond_reference))
        return function

    return register


def check(condition: Any, message: str) -> None:
    """Fail with `message` unless `condition` holds."""
    if not condition:
        raise Failure(message)


def equal(got: Any, want: Any, what: str) -> None:
    """Fail unless the two are the same, types and all: 1 is not 1.0 here, nor is it True."""
    if not same(got, want):
        raise Failure(f"{what}: got {shorten(got)}, want {shorten(want)}")


def same(left: Any, right: Any) -> bool:
    """Equality that also compares the types, inside containers too."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def shorten(value: Any, limit: int = 600) -> str:
    """`repr(value)`, cut in the middle when it is long."""
    text = repr(value)
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} …{len(text) - limit} more… {text[-half:]}"


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> None:
    """Poll `condition` until it holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


class Stopwatch:
    """Seconds spent in a `with` block, in `.seconds`."""

    def __enter__(self) -> Stopwatch:
        self._start = time.monotonic()
        self.seconds = 0.0
        return self

    def __exit__(self, *_: Any) -> None:
        self.seconds = time.monotonic() - self._start
