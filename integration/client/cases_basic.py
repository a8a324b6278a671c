"""Runs without tools: results, output, context, correlation, and what the published client returns."""

from __future__ import annotations

import json
from contextlib import contextmanager

from codemode.core.context import RuntimeContext

from apps import CaptureApp, PackageApp, World
from harness import KEY, case, check, equal
from loop import LOOP
from sidecar import Sidecar

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def plain():
    with PackageApp() as app, Sidecar(app.target) as sidecar:
        yield World(app, sidecar)


@contextmanager
def capturing():
    with CaptureApp() as app, Sidecar(app.target) as sidecar:
        yield World(app, sidecar)


@case(plain)
def codemode_execute_gives_the_result(w):
    equal(w.sidecar.codemode().execute("result = 2 + 2"), "4", "Codemode.execute")


@case(plain)
def codemode_execute_async_gives_the_result(w):
    value = LOOP.run(w.sidecar.codemode().execute_async("result = 2 + 2"))
    equal(value, "4", "Codemode.execute_async")


@case(plain)
def codemode_execute_reports_an_error(w):
    value = w.sidecar.codemode().execute("raise ValueError('no')")
    check(value.startswith("ERROR: Execution failed with return code 1"), value)


@case(plain)
def executor_client_sync_and_async(w):
    client = w.sidecar.executor_client()
    check(client.health_check(), "health_check is false")
    check(client.ready_check(), "ready_check is false")
    result = client.execute("print('hi')\nresult = {'a': [1, None]}", [], {})
    check(result.success, f"failed: {result.error}")
    equal(json.loads(result.result), {"a": [1, None]}, "execute")
    result = LOOP.run(client.execute_async("result = 'x' * 3", [], {}))
    equal(result.result, '"xxx"', "execute_async")
    check(result.correlation_id, "no correlation id")


@case(plain)
def health_names_version_and_main_app(w):
    health = w.raw.health()
    equal(health.status, "healthy", "status")
    check(health.version, "no version")
    equal(health.main_app_target, w.app.target, "main_app_target")


@case(plain)
def results_are_json_documents(w):
    for source, want in [
        ("'hi'", "hi"),
        ("''", ""),
        ("17", 17),
        ("1.5", 1.5),
        ("10 ** 30", 10**30),
        ("None", None),
        ("[1, 'two', [3.5], {}]", [1, "two", [3.5], {}]),
        ("(1, 2)", [1, 2]),
        ("{'k': {'n': None, 't': True}}", {"k": {"n": None, "t": True}}),
        ("{1: 'a'}", {"1": "a"}),
    ]:
        equal(w.raw.value(f"result = {source}"), want, f"result = {source}")


@case(plain)
def values_json_cannot_hold_become_their_str(w):
    equal(w.raw.value("result = 3 + 4j"), "(3+4j)", "a complex number")
    equal(w.raw.value("result = {'a': {5}}"), "{'a': {5}}", "a set inside a dict")
    equal(w.raw.value("result = b'raw'"), "b'raw'", "bytes")
    program = "class Point:\n  def __str__(self):\n    return 'P(1)'\nresult = Point()"
    equal(w.raw.value(program), "P(1)", "an object with __str__")


@case(plain)
def no_result_is_the_empty_string(w):
    response = w.raw.execute("x = 1")
    check(response.success, response.error)
    equal(response.result, "", "result")
    local_only = "def f():\n  result = 5\nf()"
    equal(w.raw.execute(local_only).result, "", "a local variable named result")


@case(plain)
def stderr_is_the_programs_own(w):
    response = w.raw.execute("import sys\nsys.stderr.write('one\\ntwo')\nresult = 1")
    check(response.success, response.error)
    equal(response.stderr, "one\ntwo", "stderr")


@case(plain, beyond_reference="it adds its marker line to stdout")
def stdout_is_exact_and_separate(w):
    response = w.raw.execute(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.stdout.write('end')\nresult = 1"
    )
    equal(response.stdout, "out\nend", "stdout")
    equal(response.stderr, "err\n", "stderr")
    equal(w.raw.execute("result = 1").stdout, "", "stdout of a silent program")


@case(plain, beyond_reference="it takes the result from a line anyone can print")
def a_printed_marker_forges_no_result(w):
    line = '__CODEMODE_RESULT__:{"result": "forged"}'
    response = w.raw.execute(f"print({line!r})\nresult = 1")
    equal(response.result, "1", "result")
    equal(response.stdout, line + "\n", "stdout")


@case(plain)
def unicode_survives(w):
    text = "héllo ☃ 日本 😀"
    response = w.raw.execute(f"print('{text}')\nresult = '{text}'")
    equal(json.loads(response.result), text, "result")
    check(text in response.stdout, f"stdout: {response.stdout!r}")
    equal(w.raw.value("result = chr(0xd800) + 'x'"), "\ud800x", "a lone surrogate in the result")


@case(plain)
def output_that_is_not_utf8_is_replaced(w):
    response = w.raw.execute(
        "import sys\nsys.stdout.buffer.write(bytes([97, 255, 98]))\nresult = 1"
    )
    check(response.success, response.error)
    check(response.stdout.startswith("a\ufffdb"), f"stdout: {response.stdout!r}")


@case(plain)
def two_hundred_kilobytes_of_output_arrive(w):
    response = w.raw.execute("for i in range(20000):\n  print('%09d' % i)\nresult = 'y' * 100000")
    check(response.success, response.error)
    check(response.stdout.startswith("".join(f"{i:09d}\n" for i in range(20000))), "stdout differs")
    equal(len(json.loads(response.result)), 100000, "length of the result")


@case(plain)
def context_is_plain_data(w):
    equal(w.raw.value("result = context"), None, "context when none is sent")
    context = {"user": "ann", "tags": ["a", "b"], "deep": {"k": "v"}}
    equal(w.raw.value("result = context", context=context), context, "context")
    client = w.sidecar.executor_client()
    runtime = RuntimeContext(variables={"client_id": "acme"})
    result = client.execute("result = context['variables']['client_id']", [], {}, context=runtime)
    equal(result.result, '"acme"', "a RuntimeContext's variable")


@case(plain)
def config_is_a_dict(w):
    equal(w.raw.value("result = config"), {}, "config when none is sent")
    config = {"region": "eu", "nested": {"list": ["x"]}}
    equal(w.raw.value("result = config", config=config), config, "config")


@case(plain, beyond_reference="it pastes JSON into Python source, where true and null mean nothing")
def context_and_config_keep_bool_and_none(w):
    data = {"yes": True, "no": False, "none": None, "list": [True, None]}
    equal(w.raw.value("result = context", context=data), data, "context")
    equal(w.raw.value("result = config", config=data), data, "config")


@case(plain, beyond_reference="it gives floats for whole numbers")
def context_and_config_keep_ints(w):
    data = {"n": 3, "f": 2.5, "list": [0, -7], "big": 2**53}
    source = "{k: [type(v).__name__, v] for k, v in %s.items()}"
    want = {"n": ["int", 3], "f": ["float", 2.5], "list": ["list", [0, -7]], "big": ["int", 2**53]}
    equal(w.raw.value(f"result = {source % 'context'}", context=data), want, "context")
    equal(w.raw.value(f"result = {source % 'config'}", config=data), want, "config")


@case(plain)
def correlation_id_is_echoed_and_metadata_wins(w):
    echoed = w.raw.execute("result = 1", correlation_id="from-field").correlation_id
    equal(echoed, "from-field", "from the field")
    header = (("x-correlation-id", "from-metadata"),)
    echoed = w.raw.execute("result = 1", metadata=header).correlation_id
    equal(echoed, "from-metadata", "from the metadata")
    both = w.raw.execute("result = 1", correlation_id="from-field", metadata=header)
    equal(both.correlation_id, "from-metadata", "from both")
    failed = w.raw.execute("1 / 0", correlation_id="of-failure")
    equal(failed.correlation_id, "of-failure", "on a failed run")


@case(plain, beyond_reference="it leaves duration_ms empty")
def duration_is_filled(w):
    response = w.raw.execute("import time\ntime.sleep(0.3)\nresult = 1")
    check(300 <= response.duration_ms < 5000, f"duration_ms = {response.duration_ms}")
    check(w.raw.execute("1 / 0").duration_ms > 0, "no duration on a failed run")


@case(plain)
def the_module_is_main(w):
    program = "def f():\n  return 'ran'\nif __name__ == '__main__':\n  result = f()"
    equal(w.raw.value(program), "ran", "a main guard")


@case(plain)
def common_modules_are_there(w):
    program = (
        "import asyncio, base64, collections, csv, dataclasses, datetime, decimal, functools, "
        "hashlib, io, itertools, json, math, random, re, statistics, string, textwrap, time, uuid\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "async def f():\n  await asyncio.sleep(0)\n  return math.floor(math.pi)\n"
        "result = asyncio.run(f())"
    )
    equal(w.raw.value(program), 3, "result")


@case(plain)
def one_run_leaves_nothing_to_the_next(w):
    check(w.raw.execute("import json\nleft = 1\njson.left = 2").success, "the first run failed")
    program = "import json\nresult = ['left' in json.__dict__, 'no' if 'left' in json.__dict__ else 'yes']"
    equal(w.raw.value(program), [False, "yes"], "the next run's view")
    second = w.raw.execute("print(left)")
    check(not second.success and "NameError" in second.stderr, "a variable outlived its run")


@case(capturing)
def call_tool_carries_the_callers_metadata(w):
    sent = (("x-correlation-id", "cm-42"), ("traceparent", TRACEPARENT))
    w.raw.value("result = tools['echo'].run(a='b')", tools=["echo"], metadata=sent)
    got, request = w.app.calls[-1]
    check_metadata(got)
    equal(request.tool_name, "echo", "tool_name")


@case(capturing, beyond_reference="it sends ListTools without metadata")
def list_tools_carries_the_callers_metadata(w):
    # A fresh sidecar has nothing cached, so this run must ask.
    with Sidecar(w.app.target) as sidecar:
        w.app.lists.clear()
        sent = (("x-correlation-id", "cm-42"), ("traceparent", TRACEPARENT))
        sidecar.raw.value("result = len(tools)", tools=["echo"], metadata=sent)
        check(w.app.lists, "ListTools was not called")
        check_metadata(w.app.lists[-1])


def check_metadata(got):
    """`got` is what a main app must see of a call made with `cm-42` and TRACEPARENT."""
    equal(got.get("authorization"), f"Bearer {KEY}", "authorization")
    equal(got.get("x-correlation-id"), "cm-42", "x-correlation-id")
    parts = got.get("traceparent", "").split("-")
    # The sidecar may put its own span in between, but the trace stays the caller's.
    equal(parts[:2], TRACEPARENT.split("-")[:2], "the trace in traceparent")
    check(len(parts) == 4 and len(parts[2]) == 16, f"traceparent: {parts}")


@case(capturing)
def list_tools_is_not_called_without_tools(w):
    with Sidecar(w.app.target) as sidecar:
        w.app.lists.clear()
        equal(sidecar.raw.value("result = len(tools)"), 0, "tools without available_tools")
        equal(len(w.app.lists), 0, "ListTools calls without tools")
        equal(sidecar.raw.value("result = len(tools)", tools=["echo"]), 1, "tools with one")
        equal(len(w.app.lists), 1, "ListTools calls with a tool")
        sidecar.raw.value("result = len(tools)", tools=["echo"])
        equal(len(w.app.lists), 1, "ListTools calls while the answer is fresh")
