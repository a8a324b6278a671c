"""Main apps that hang, die, or talk rubbish in a call: the program is told, and the sidecar lives."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time

from apps import RawApp, response_bytes
from harness import Failure, Stopwatch, case, check, equal
from rpc import field, still_works
from sidecar import Sidecar, clean_environment, end, free_port, spawn

# What a program reports about one call of the tool `raw` or `hold`.
CATCHING = """
import time
start = time.monotonic()
try:
  got = ['value', tools['%s'].run()]
except Exception as error:
  got = [type(error).__name__, str(error)]
result = got + [time.monotonic() - start]
"""


@case()
def a_call_that_answers_rubbish_fails_in_the_program():
    with RawApp(b"\xff\xff\xff\xff not a message") as app, Sidecar(app.target) as sidecar:
        kind, message, _ = sidecar.raw.value(CATCHING % "raw", tools=["raw"])
        check(kind != "value" and message, f"got {kind} {message!r}")
        still_works(sidecar.raw)


@case()
def a_failure_without_a_message_still_names_the_tool():
    with RawApp(b"") as app, Sidecar(app.target) as sidecar:
        kind, message, _ = sidecar.raw.value(CATCHING % "raw", tools=["raw"])
        equal(kind, "RuntimeError", "exception")
        check("raw" in message, f"message: {message!r}")


@case()
def a_call_that_hangs_ends_with_its_timeout():
    async def never() -> bytes:
        await asyncio.sleep(60)
        return b""

    with RawApp(never) as app, Sidecar(app.target) as sidecar:
        kind, _, seconds = sidecar.raw.value(
            CATCHING % "raw", tools=["raw"], config={"tool_call_timeout": 1}
        )
        check(kind != "value" and seconds < 3, f"{kind} after {seconds:.1f} s")
        with Stopwatch() as watch:
            outcome = sidecar.raw.outcome("tools['raw'].run()", tools=["raw"], timeout=2)
        check(outcome.response is not None and outcome.refused, f"got {outcome}")
        check(watch.seconds < 5, f"the run's own timeout of 2 s took {watch.seconds:.1f} s")
        still_works(sidecar.raw)


@case()
def a_main_app_that_dies_in_a_call_fails_the_call():
    port = free_port()
    here = os.path.dirname(os.path.abspath(__file__))
    child = spawn(
        [sys.executable, "-B", os.path.join(here, "doomed_main_app.py"), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
    )

    def kill_when_called() -> None:
        if child.stdout.readline() == b"called\n":
            child.kill()

    threading.Thread(target=kill_when_called, daemon=True).start()
    try:
        with Sidecar(f"127.0.0.1:{port}") as sidecar:
            wait_for_main_app(sidecar)
            kind, message, seconds = sidecar.raw.value(
                CATCHING % "hold", tools=["hold"], timeout=25
            )
            check(kind != "value" and message, f"got {kind} {message!r}")
            check(seconds < 5, f"noticed after {seconds:.1f} s")
            equal(child.wait(5), -9, "the main app's end")
            still_works(sidecar.raw)
    finally:
        end(child)


def wait_for_main_app(sidecar):
    """Poll Ready until the main app's own process serves."""
    for _ in range(30):
        if sidecar.raw.ready().status == "ready":
            return
        time.sleep(0.2)
    raise Failure("the main app did not come up")


@case(beyond_reference="its failed calls raise gRPC's exceptions")
def every_broken_call_is_a_runtime_error():
    async def broken() -> bytes:
        raise ValueError("the handler fell over")

    for answer in (b"\xff\xff\xff\xff", broken):
        with RawApp(answer) as app, Sidecar(app.target) as sidecar:
            kind, message, _ = sidecar.raw.value(CATCHING % "raw", tools=["raw"])
            equal(kind, "RuntimeError", f"exception ({message})")
            check("raw" in message, f"the message does not name the tool: {message!r}")


@case()
def a_call_is_made_once():
    async def broken() -> bytes:
        raise ValueError("the handler fell over")

    with RawApp(broken) as app, Sidecar(app.target) as sidecar:
        sidecar.raw.value(CATCHING % "raw", tools=["raw"])
        equal(app.calls, 1, "CallTool calls for one run() of the program")


@case(timeout=120)
def a_tool_result_of_fifty_megabytes():
    size = 50 * 1024 * 1024
    with (
        RawApp(response_bytes({"__codemode_value__": "z" * size})) as app,
        Sidecar(app.target) as sidecar,
    ):
        program = """
try:
  result = ['value', len(tools['raw'].run())]
except Exception as error:
  result = ['error', str(error)[:200]]
"""
        kind, got = sidecar.raw.value(program, tools=["raw"], timeout=60, deadline=90)
        # Whole, or refused in a way the program can catch: never cut, never the end of the sidecar.
        check(got == size if kind == "value" else got, f"got {kind} {got!r}")
        still_works(sidecar.raw)


@case()
def a_tool_result_nested_a_thousand_deep():
    with RawApp(nested_response(1000)) as app, Sidecar(app.target) as sidecar:
        program = """
try:
  tools['raw'].run()
  result = 'value'
except Exception as error:
  result = 'error ' + str(error)[:200]
"""
        got = sidecar.raw.value(program, tools=["raw"])
        check(got == "value" or len(got) > len("error "), f"got {got!r}")
        still_works(sidecar.raw)
        app.answer = nested_response(10)
        equal(sidecar.raw.value(program, tools=["raw"]), "value", "ten deep")


def nested_response(depth):
    """CallTool's answer with Struct in Struct, as bytes: no library would build it."""
    struct = b""
    for _ in range(depth):
        value = field(5, struct)  # Value.struct_value
        struct = field(1, field(1, b"k") + field(2, value))  # Struct.fields["k"]
    return b"\x08\x01" + field(3, struct)
