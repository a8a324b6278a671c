"""Main apps that are gone, hang, or talk rubbish before a run: the caller is told, and the sidecar lives."""

from __future__ import annotations

import os

from apps import CaptureApp, TcpApp
from harness import case, check, equal, shorten
from rpc import still_works
from sidecar import Sidecar, free_port


def refused_run(sidecar, name, target):
    """A run that needs tools must be refused with a sentence that names the main app."""
    outcome = sidecar.raw.outcome("result = 1", tools=[name], timeout=30, deadline=40)
    check(outcome.response is not None, f"a status instead of an answer: {outcome}")
    check(outcome.refused, f"got {outcome}")
    check(target in outcome.text, f"the error does not name {target}: {shorten(outcome.text)}")
    still_works(sidecar.raw)


@case()
def without_a_main_app_only_tools_fail():
    target = f"127.0.0.1:{free_port()}"
    with Sidecar(target) as sidecar:
        still_works(sidecar.raw)
        refused_run(sidecar, "echo", target)


@case()
def a_main_app_that_starts_late_is_found():
    with CaptureApp() as app:
        target, port = app.target, app.port
    with Sidecar(target) as sidecar:
        refused_run(sidecar, "echo", target)
        late = CaptureApp()
        late.port = port
        with late:
            value = sidecar.raw.value("result = tools['echo'].run(a='b')", tools=["echo"])
            equal(value, {"a": "b"}, "echo")


@case()
def a_main_app_that_never_answers_list_tools():
    with TcpApp() as app, Sidecar(app.target) as sidecar:
        refused_run(sidecar, "echo", app.target)
        check(app.accepted, "the sidecar never connected")


@case()
def a_main_app_that_answers_rubbish():
    rubbish = b"HTTP/1.1 500 Oh no\r\n\r\n" + os.urandom(4096)
    with TcpApp(rubbish) as app, Sidecar(app.target) as sidecar:
        refused_run(sidecar, "echo", app.target)
        check(app.accepted, "the sidecar never connected")
