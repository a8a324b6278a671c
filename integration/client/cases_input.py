"""Bad input: a clear answer to the caller who sent it, and nothing to anyone else."""

from __future__ import annotations

from contextlib import contextmanager

import grpc
from google.protobuf.struct_pb2 import Struct

from apps import CaptureApp, World
from harness import KEY, case, check, equal
from rpc import bearer, field, still_works, to_struct
from sidecar import Sidecar

# The client retries on these, so they would send the same bad input three times.
RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@contextmanager
def limited():
    env = {"CODEMODE_CODE_TIMEOUT": "5", "CODEMODE_MAX_CODE_LENGTH": "10000"}
    with CaptureApp() as app, Sidecar(app.target, env=env) as sidecar:
        yield World(app, sidecar)


def clearly_refused(w, code, names="", **kw):
    """The call must be refused in words that contain `names`, and the next run must work."""
    outcome = w.raw.outcome(code, **kw)
    check(outcome.refused and outcome.text, f"not refused, or without words: {outcome}")
    check(outcome.status not in RETRIED, f"a status the client retries: {outcome}")
    check(names in outcome.text, f"the answer does not say {names!r}: {outcome}")
    still_works(w.raw)
    return outcome


@case(limited)
def empty_code_is_an_empty_run_or_refused(w):
    for code in ("", "   ", "\n\n", "# nothing"):
        outcome = w.raw.outcome(code)
        if outcome.refused:
            check(outcome.text and outcome.status not in RETRIED, f"{code!r}: {outcome}")
        else:
            equal(outcome.response.result, "", f"result of {code!r}")
    still_works(w.raw)


@case(limited)
def nul_bytes_in_code_are_refused(w):
    clearly_refused(w, "result = 1\0")
    clearly_refused(w, "\0")
    clearly_refused(w, "x = 'a\0b'")


@case(limited)
def odd_line_ends_and_marks_are_python_source(w):
    equal(w.raw.value("x = 1\r\nresult = x + 1\r\n"), 2, "CRLF")
    equal(w.raw.value("if 1:\n\tresult = 3"), 3, "tabs")
    equal(w.raw.value("result = '''a\nb'''"), "a\nb", "a string over two lines")
    equal(w.raw.value("result = 4  # no newline at the end"), 4, "a comment at the end")


@case(limited)
def quotes_and_delimiters_do_not_break_out(w):
    text = "'\"'''\"\"\"{}%s$(id)`id`;&&|\\n"
    equal(w.raw.value(f"result = {text!r}"), text, "in code")
    equal(w.raw.value("result = context['t']", context={"t": text}), text, "in context")
    equal(w.raw.value("result = config['t']", config={"t": text}), text, "in config")
    equal(w.raw.value("result = context", context={text: "k"}), {text: "k"}, "as a key")


@case(limited)
def code_over_the_limit_is_refused(w):
    clearly_refused(w, "#" * 10001, "Code exceeds maximum length of 10000 characters")
    clearly_refused(w, "#" * 2_000_000, "Code exceeds maximum length of 10000 characters")


@case(limited, timeout=120)
def a_request_of_a_hundred_megabytes_is_refused(w):
    clearly_refused(w, "#" * (100 * 1024 * 1024), deadline=60)
    big = {"blob": "z" * (100 * 1024 * 1024)}
    outcome = w.raw.outcome("result = len(context['blob'])", context=big, deadline=60)
    # Context is data: to carry it whole would also be right.
    if outcome.refused:
        check(outcome.text and outcome.status not in RETRIED, f"got {outcome}")
    else:
        equal(outcome.response.result, str(100 * 1024 * 1024), "length")
    still_works(w.raw)


@case(limited)
def a_context_of_a_megabyte_arrives_or_is_refused(w):
    context = {"blob": "z" * 1_000_000}
    outcome = w.raw.outcome("result = len(context['blob'])", context=context)
    if outcome.refused:
        check(outcome.text and outcome.status not in RETRIED, f"got {outcome}")
    else:
        equal(outcome.response.result, "1000000", "length")
    still_works(w.raw)


@case(limited, beyond_reference="it pastes the value into the program")
def a_tool_call_timeout_that_is_no_number_is_refused(w):
    for value in ("x", "", None, True, [1], {"s": 1}):
        config = {"tool_call_timeout": value}
        if value is None:
            # Null is a key without a value: it may mean the default.
            check(w.raw.outcome("result = 1", config=config).status not in RETRIED, "null")
            continue
        clearly_refused(w, "result = 1", "tool_call_timeout", config=config)


@case(limited, beyond_reference="it takes any number")
def a_tool_call_timeout_out_of_range_is_refused(w):
    for value in (-1, -0.001, float("nan"), float("inf"), float("-inf")):
        config = Struct()
        config.fields["tool_call_timeout"].number_value = value
        clearly_refused(w, "result = 1", "tool_call_timeout", config=config)


@case(limited, beyond_reference="it fails inside, without words")
def a_max_code_length_that_makes_no_sense_is_refused(w):
    for value in ("x", -1, float("nan"), [1]):
        config = Struct()
        if isinstance(value, float):
            config.fields["max_code_length"].number_value = value
        else:
            config.update({"max_code_length": value})
        clearly_refused(w, "result = 1", "max_code_length", config=config)


@case(limited)
def a_negative_timeout_is_refused(w):
    outcome = w.raw.outcome("result = 1", timeout=-1)
    if not outcome.refused:
        # To take it for "none given" is a documented outcome too.
        equal(outcome.response.result, "1", "result")
    else:
        check(outcome.status not in RETRIED and "timeout" in outcome.text.lower(), f"{outcome}")
    still_works(w.raw)


@case(limited)
def numbers_that_json_lacks_do_not_crash(w):
    for value in (float("nan"), float("inf")):
        data = Struct()
        data.fields["n"].number_value = value
        for where in ("context", "config"):
            outcome = w.raw.outcome(f"result = str({where}['n'])", **{where: data})
            check(outcome.text or not outcome.refused, f"{where} with {value}: {outcome}")
            check(outcome.status not in RETRIED, f"{where} with {value}: {outcome}")
    still_works(w.raw)


@case(limited)
def a_context_nested_too_deep_does_not_crash(w):
    data = {"leaf": "v"}
    for _ in range(30):
        data = {"k": data}
    equal(w.raw.value("result = context", context=data), data, "thirty deep")
    call = w.raw.channel.unary_unary("/codemode.ExecutorService/Execute")
    deep = b""
    for _ in range(2000):
        deep = field(1, field(1, b"k") + field(2, field(5, deep)))
    try:
        answer = call(field(1, b"result = 1") + field(5, deep), 30, metadata=bearer(KEY))
        check(isinstance(answer, bytes), "no answer")
    except grpc.RpcError as error:
        check(error.code() not in RETRIED, f"{error.code()}: {error.details()}")
    still_works(w.raw)


@case(limited)
def bytes_that_are_no_request_are_refused(w):
    call = w.raw.channel.unary_unary("/codemode.ExecutorService/Execute")
    for payload in (b"\xff\xff\xff\xff", b"\x0a\xff\xff\xff\x0f", b"\x0a\x02\xff\xfe"):
        try:
            call(payload, 20, metadata=bearer(KEY))
            check(False, f"{payload!r} was taken for a request")
        except grpc.RpcError as error:
            check(error.code() not in RETRIED, f"{payload!r}: {error.code()}")
    still_works(w.raw)


@case(limited)
def odd_tool_names_are_refused_or_carried(w):
    for name in ("", "../x", "a b", "ü", "'] + ['", "x" * 10000):
        outcome = w.raw.outcome("result = 1", tools=[name])
        check(outcome.refused and outcome.text, f"{name[:20]!r}: {outcome}")
        check(outcome.status not in RETRIED, f"{name[:20]!r}: {outcome}")
    still_works(w.raw)


@case(limited)
def odd_correlation_ids_do_no_harm(w):
    for value in ("x" * 10000, "a\nb", "ünï", "'; import os; '"):
        outcome = w.raw.outcome("result = 1", correlation_id=value)
        check(outcome.status not in RETRIED, f"{value[:20]!r}: {outcome}")
        if outcome.response is not None and outcome.response.success:
            equal(outcome.response.result, "1", "result")
    program = "result = tools['echo'].run(a='b')"
    equal(w.raw.value(program, tools=["echo"], correlation_id="it's"), {"a": "b"}, "in a tool call")
    still_works(w.raw)


@case(limited)
def unknown_config_keys_are_the_programs_business(w):
    config = to_struct({"anything": "goes", "max_tokens": "many"})
    equal(w.raw.value("result = config['anything']", config=config), "goes", "config")
