"""Tools served by the published ToolService: calls, values, parallelism, discovery."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager

from apps import CaptureApp, PackageApp, World
from harness import case, check, equal, shorten, wait_until
from sidecar import Sidecar


class Greeter:
    """A tool that wants the run's context."""

    def run(self, name: str) -> str:
        return f"hello {name}, no context"

    def run_with_context(self, context: dict, name: str) -> str:
        return f"hello {name} of {context.get('team', '?')}"


async def nap_async(seconds: float) -> str:
    """Sleep without blocking."""
    await asyncio.sleep(seconds)
    return "rested"


def nap(seconds: float) -> str:
    """Sleep in a worker thread."""
    time.sleep(seconds)
    return "rested"


def fail(message: str) -> str:
    """Raise what it is told."""
    raise ValueError(message)


async def fail_async(message: str) -> str:
    """Raise what it is told, later."""
    await asyncio.sleep(0)
    raise ValueError(message)


def give(kind: str):
    """A value of the kind asked for."""
    return {
        "int": 42,
        "negative": -7,
        "zero": 0,
        "large": 2**53,
        "float": 2.5,
        "str": "text ☃",
        "empty": "",
        "true": True,
        "false": False,
        "none": None,
        "list": ["a", ["b"], {"c": "d"}],
        "dict": {"k": {"n": None, "t": True, "s": "v"}},
        "empty dict": {},
        "numbers": {"i": 3, "f": 0.5, "list": [1, 2.25, [4]]},
        "lookalike": {"value": "v"},
    }[kind]


def echo(value=None):
    """Its argument back."""
    return value


async def add(a: float, b: float):
    """Add two numbers."""
    return a + b


def register(registry):
    for tool in (nap, nap_async, fail, fail_async, give, echo, add):
        registry.register_tool(tool.__name__, tool)
    registry.register_tool("greet", Greeter(), description="Greets someone warmly")


@contextmanager
def with_tools():
    with PackageApp(register) as app, Sidecar(app.target) as sidecar:
        yield World(app, sidecar)


ALL = ["nap", "nap_async", "fail", "fail_async", "give", "echo", "add", "greet"]


def call(w, source, tools=ALL, **kw):
    """The value of an expression that uses tools; asynchronous ones may be awaited in it."""
    program = f"import asyncio\nasync def main():\n  return {source}\nresult = asyncio.run(main())"
    return w.raw.value(program, tools=tools, **kw)


@case(with_tools)
def a_sync_tool_blocks_and_returns(w):
    equal(w.raw.value("result = tools['echo'].run(value='v')", tools=["echo"]), "v", "echo")


@case(with_tools)
def an_async_tool_is_awaited(w):
    equal(float(call(w, "await tools['add'].run(a=2, b=3)")), 5.0, "add")


@case(with_tools)
def strings_and_containers_travel_both_ways(w):
    for kind in ("str", "empty", "true", "false", "none", "list", "dict", "float", "lookalike"):
        got = call(w, f"tools['give'].run(kind='{kind}')")
        equal(got, give(kind), f"give {kind}")
    equal(call(w, "tools['give'].run(kind='empty dict')") or {}, {}, "an empty dict")
    for source in ("'x'", "None", "True", "[1.5, 'a', None]", "{'a': {'b': [False]}}"):
        value = eval(source)
        equal(call(w, f"tools['echo'].run(value={source})"), value, f"echo {source}")


@case(with_tools, beyond_reference="it gives floats for whole numbers")
def whole_numbers_stay_ints(w):
    for kind in ("int", "negative", "zero", "large", "numbers"):
        equal(call(w, f"tools['give'].run(kind='{kind}')"), give(kind), f"give {kind}")
    source = "sorted(type(v).__name__ for v in tools['give'].run(kind='numbers').values())"
    equal(call(w, source), ["float", "int", "list"], "types inside a dict")
    equal(call(w, "tools['echo'].run(value=[1, -2, 2.5, 2**40])"), [1, -2, 2.5, 2**40], "echo")
    equal(call(w, "type(await tools['add'].run(a=2, b=3)).__name__"), "int", "type of a sum")


@case(with_tools)
def context_reaches_the_tool(w):
    source = "tools['greet'].run(name='Ann')"
    equal(call(w, source), "hello Ann, no context", "without context")
    equal(call(w, source, context={"team": "blue"}), "hello Ann of blue", "with the run's context")
    override = "tools['greet'].run_with_context({'team': 'red'}, name='Ann')"
    equal(call(w, override), "hello Ann of red", "run_with_context")
    equal(call(w, override, context={"team": "blue"}), "hello Ann of red", "its own context wins")
    after = f"[{override}, {source}]"
    got = call(w, after, context={"team": "blue"})
    equal(got, ["hello Ann of red", "hello Ann of blue"], "the override is for one call")


@case(with_tools)
def sync_tools_run_in_parallel_from_threads(w):
    check_parallel(w, threads(4, 1), 1.9)


@case(with_tools)
def async_tools_run_in_parallel_under_gather(w):
    check_parallel(w, gather(4, 1), 1.9)


@case(with_tools)
def slow_sync_calls_overlap(w):
    check_parallel(w, threads(2, 5), 6.5)


@case(with_tools)
def slow_async_calls_overlap(w):
    check_parallel(w, gather(2, 5), 6.5)


def threads(count, seconds):
    return f"""
import time
from concurrent.futures import ThreadPoolExecutor
start = time.monotonic()
with ThreadPoolExecutor({count}) as pool:
  got = list(pool.map(lambda _: tools['nap'].run(seconds={seconds}), range({count})))
result = [got, time.monotonic() - start]
"""


def gather(count, seconds):
    return f"""
import asyncio, time
async def main():
  return await asyncio.gather(*[tools['nap_async'].run(seconds={seconds}) for _ in range({count})])
start = time.monotonic()
got = asyncio.run(main())
result = [got, time.monotonic() - start]
"""


def check_parallel(w, program, limit):
    got, seconds = w.raw.value(program, tools=["nap", "nap_async"])
    check(got and all(value == "rested" for value in got), f"values: {got}")
    check(seconds < limit, f"took {seconds:.2f} s, want less than {limit}")


@case(with_tools)
def a_failing_tool_raises_runtime_error_with_its_message(w):
    for name in ("fail", "fail_async"):
        wait = "await " if name == "fail_async" else ""
        program = f"""
import asyncio
async def main():
  try:
    {wait}tools['{name}'].run(message='boom "42" ☃')
  except Exception as error:
    return [type(error).__name__, str(error)]
result = asyncio.run(main())
"""
        got = w.raw.value(program, tools=[name])
        equal(got, ["RuntimeError", 'boom "42" ☃'], name)


@case(with_tools)
def an_uncaught_tool_failure_fails_the_run(w):
    response = w.raw.execute("tools['fail'].run(message='boom 43')", tools=["fail"])
    check(not response.success, "the run succeeded")
    check("RuntimeError: boom 43" in response.stderr, f"stderr: {shorten(response.stderr)}")


@case(with_tools)
def a_wrong_argument_is_the_tools_to_refuse(w):
    response = w.raw.execute("tools['add'].run", tools=["add"])
    check(response.success, response.error)
    program = "import asyncio\nasyncio.run(tools['add'].run(nonsense=1))"
    response = w.raw.execute(program, tools=["add"])
    check(not response.success and "nonsense" in response.stderr, shorten(response.stderr))


@case(with_tools)
def tools_holds_exactly_the_available_ones(w):
    equal(w.raw.value("result = sorted(tools)", tools=["echo"]), ["echo"], "tools")
    program = """
try:
  tools['give'].run(kind='int')
except KeyError as error:
  result = ['KeyError', str(error)]
"""
    equal(w.raw.value(program, tools=["echo"]), ["KeyError", "'give'"], "a tool not on the list")
    equal(w.raw.value("result = isinstance(tools, dict)", tools=["echo"]), True, "tools is a dict")


@case(with_tools)
def an_unknown_tool_is_refused_by_name(w):
    outcome = w.raw.outcome("result = 1", tools=["echo", "nowhere"])
    check(outcome.refused and "nowhere" in outcome.text, f"got {outcome}")
    equal(w.raw.value("result = len(tools)", tools=["echo"]), 1, "a known tool afterwards")


@case(with_tools)
def duplicate_tool_names_are_one_tool(w):
    program = "result = [sorted(tools), tools['echo'].run(value='v')]"
    equal(w.raw.value(program, tools=["echo", "echo", "echo"]), [["echo"], "v"], "tools")


@case(with_tools)
def meta_tools_list_schema_and_search(w):
    meta = ["__list__", "__schema__", "__search__"]
    names = "{t['name'] for t in (await tools['__list__'].run())['tools']}"
    equal(call(w, f"sorted({names})", tools=meta), sorted(ALL), "__list__")
    got = call(w, "await tools['__schema__'].run(name='greet')", tools=meta)
    equal(got["tool_name"], "greet", "__schema__")
    equal(got["has_context"], True, "__schema__ has_context")
    got = call(w, "await tools['__search__'].run(query='warmly')", tools=meta)
    equal([match["name"] for match in got["matches"]], ["greet"], "__search__")


@case(with_tools)
def a_tool_registered_later_becomes_visible(w):
    equal(w.raw.value("result = len(tools)", tools=["echo"]), 1, "metadata is fetched")
    w.app.registry.register_tool("late", lambda: "here", overwrite=True)
    equal(w.raw.value("result = tools['late'].run()", tools=["late", "echo"]), "here", "late")


@case(with_tools, beyond_reference="its program text outgrows an argument of exec")
def ten_thousand_tools(w):
    names = [f"tool_number_{i:05d}" for i in range(10000)]

    def many(registry):
        for i, name in enumerate(names):
            registry.register_tool(name, lambda i=i: i)

    with PackageApp(many) as app, Sidecar(app.target) as sidecar:
        program = "result = [len(tools), int(tools['tool_number_09999'].run())]"
        equal(sidecar.raw.value(program, tools=names), [10000, 9999], "tools")


@case(with_tools)
def two_hundred_calls_in_one_run(w):
    program = "result = sum(1 for i in range(%d) if tools['echo'].run(value=str(i)) == str(i))"
    count = 200
    equal(w.raw.value(program % count, tools=["echo"]), count, "answers that fit their call")


@case(with_tools)
def parallel_calls_get_their_own_answers(w):
    program = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(16) as pool:
  got = list(pool.map(lambda i: tools['echo'].run(value='v%d' % i), range(100)))
result = got == ['v%d' % i for i in range(100)]
"""
    equal(w.raw.value(program, tools=["echo"]), True, "answers fit their calls")


@case(with_tools)
def the_client_attaches_the_runs_tool_calls(w):
    client = w.sidecar.executor_client()
    result = client.execute("result = tools['echo'].run(value='traced')", ["echo"], {})
    check(result.success, f"{result.error}")
    equal([c.name for c in result.tool_calls], ["echo"], "tool_calls")
    check("traced" in result.tool_calls[0].args_json, result.tool_calls[0].args_json)


@case(with_tools)
def the_high_level_client_offers_its_registrys_tools(w):
    codemode = w.sidecar.codemode(registry=w.app.registry)
    equal(codemode.execute("result = tools['echo'].run(value='v')"), '"v"', "execute")
    filtered = codemode.execute("result = 'give' in tools", tool_filter=["echo"])
    equal(filtered, "false", "with a tool_filter")


@case(with_tools)
def tool_call_timeout_bounds_one_call(w):
    program = """
import time
start = time.monotonic()
try:
  tools['nap'].run(seconds=6)
  got = 'no timeout'
except Exception as error:
  got = type(error).__name__
result = [got, time.monotonic() - start]
"""
    got, seconds = w.raw.value(program, tools=["nap"], config={"tool_call_timeout": 1})
    check(got != "no timeout", "the call was not bounded")
    check(0.9 < seconds < 3, f"the call took {seconds:.2f} s, want about 1")
    got, seconds = w.raw.value(
        program.replace("6", "1.5"), tools=["nap"], config={"tool_call_timeout": 5}
    )
    equal(got, "no timeout", "a call within its time")


@case(with_tools, beyond_reference="its failed calls raise gRPC's exceptions")
def a_timed_out_call_raises_runtime_error(w):
    program = """
try:
  tools['nap'].run(seconds=4)
except RuntimeError as error:
  result = str(error)
"""
    text = w.raw.value(program, tools=["nap"], config={"tool_call_timeout": 0.5})
    check("nap" in text and "tim" in text.lower(), f"message: {text!r}")


@case()
def meta_tools_alone_cause_no_second_fetch():
    with CaptureApp() as app, Sidecar(app.target) as sidecar:
        sidecar.raw.value("result = sorted(tools)", tools=["echo"])
        wait_until(lambda: len(app.lists) == 1, 2, "one ListTools call")
        sidecar.raw.outcome("result = 1", tools=["__list__", "echo"])
        equal(len(app.lists), 1, "ListTools calls")
