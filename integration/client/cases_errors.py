"""How runs fail: error sentences, error types, tracebacks, timeouts, limits."""

from __future__ import annotations

from contextlib import contextmanager

from apps import PackageApp, World
from harness import Stopwatch, case, check, equal, shorten
from rpc import still_works
from sidecar import Sidecar

ERROR_TYPES = [
    ("SyntaxError", "def broken(:"),
    ("SyntaxError", "if True:\nresult = 1"),
    ("ImportError", "import no_such_module_at_all"),
    ("ImportError", "from json import no_such_name"),
    ("TypeError", "1 + 'a'"),
    ("ValueError", "int('x')"),
    ("KeyError", "{}['missing']"),
    ("AttributeError", "(1).missing"),
    ("NameError", "missing_name"),
    ("IndexError", "[][1]"),
    ("ZeroDivisionError", "1 / 0"),
    ("RuntimeError", "raise RuntimeError('by hand')"),
]

# What the reference's own classification could get wrong: the text names another error.
MISLEADING = [
    ("ValueError", "raise ValueError('after a TypeError, says the text, and a timeout')"),
    ("KeyError", "import sys\nprint('TypeError', file=sys.stderr)\n{}['ValueError']"),
    ("ZeroDivisionError", "try:\n  int('x')\nexcept ValueError:\n  1 / 0"),
]


@contextmanager
def limited():
    """Runs of at most 3 s and programs of at most 1000 characters."""
    env = {"CODEMODE_CODE_TIMEOUT": "3", "CODEMODE_MAX_CODE_LENGTH": "1000"}
    with PackageApp() as app, Sidecar(app.target, env=env) as sidecar:
        yield World(app, sidecar)


def failed(w, program, **kw):
    """The response of a run that must fail."""
    response = w.raw.execute(program, **kw)
    check(not response.success, f"this succeeded: {shorten(program)}")
    check(response.error, "no error sentence")
    return response


@case(limited)
def an_exception_is_return_code_one_with_its_traceback(w):
    program = (
        "print('before')\ndef inner():\n  raise ValueError('deep down')\ninner()\nprint('after')"
    )
    response = failed(w, program)
    check("Execution failed with return code 1" in response.error, response.error)
    for part in ("Traceback (most recent call last)", "in inner", "ValueError: deep down"):
        check(part in response.stderr, f"{part!r} is not in stderr: {shorten(response.stderr)}")
    check(response.stdout.startswith("before\n"), f"stdout: {response.stdout!r}")
    check("after" not in response.stdout, "the program went on")


@case(limited, beyond_reference="its line numbers count the code it puts in front")
def tracebacks_count_the_programs_own_lines(w):
    stderr = failed(w, "x = 1\n\ndef f():\n  return 1 / 0\nf()").stderr
    check("line 4, in f" in stderr and "line 5, in <module>" in stderr, shorten(stderr))
    stderr = failed(w, "x = 1\ny = (\n").stderr
    check("line 2" in stderr and "SyntaxError" in stderr, shorten(stderr))


@case(limited)
def a_syntax_error_runs_nothing(w):
    response = failed(w, "print('ran')\ndef broken(:")
    check("SyntaxError" in response.stderr, f"stderr: {shorten(response.stderr)}")
    check("ran" not in response.stdout, "a part of it ran")


@case(limited, beyond_reference="it leaves error_type empty")
def every_error_has_its_type(w):
    for want, program in ERROR_TYPES:
        response = failed(w, program)
        equal(response.error_type, want, f"error_type of {program!r}")
        check("Execution failed with return code 1" in response.error, response.error)


@case(limited, beyond_reference="it leaves error_type empty")
def the_type_is_the_exceptions_not_the_texts(w):
    for want, program in MISLEADING:
        equal(failed(w, program).error_type, want, f"error_type of {program!r}")
    unusual = "class Odd(Exception):\n  pass\nraise Odd('x')"
    check(failed(w, unusual).error_type, "no error_type for an exception of the program's own")
    derived = "class Mine(ValueError):\n  pass\nraise Mine('x')"
    check(failed(w, derived).error_type in ("ValueError", "RuntimeError", "Unknown"), "derived")
    response = w.raw.execute("result = 1")
    equal(response.error_type, "", "error_type of a success")
    equal(response.error, "", "error of a success")


@case(limited)
def the_exit_code_is_reported(w):
    response = failed(w, "import sys\nprint('out')\nsys.exit(3)")
    check("Execution failed with return code 3" in response.error, response.error)
    check(response.stdout.startswith("out\n"), f"stdout: {response.stdout!r}")
    response = failed(w, "raise SystemExit('words')")
    check("Execution failed with return code 1" in response.error, response.error)
    check("words" in response.stderr, f"stderr: {response.stderr!r}")
    check(w.raw.execute("import sys\nsys.exit(0)").success, "sys.exit(0) is no failure")


@case(limited)
def a_timeout_says_so(w):
    with Stopwatch() as watch:
        response = failed(w, "import time\ntime.sleep(30)", timeout=1)
    equal(response.error, "Execution timeout after 1 seconds", "error")
    check(0.9 < watch.seconds < 4, f"it came after {watch.seconds:.1f} s")
    still_works(w.raw)


@case(limited, beyond_reference="it drops the output of a run that timed out")
def a_timeout_keeps_the_output_and_has_its_type(w):
    program = "import sys, time\nprint('so far')\nprint('err', file=sys.stderr)\ntime.sleep(30)"
    response = failed(w, program, timeout=1)
    equal(response.error, "Execution timeout after 1 seconds", "error")
    equal(response.error_type, "Timeout", "error_type")
    equal(response.stdout, "so far\n", "stdout")
    equal(response.stderr, "err\n", "stderr")
    equal(response.result, "", "result")


@case(limited)
def a_busy_loop_is_stopped(w):
    response = failed(w, "x = 0\nwhile 1:\n  x += 1", timeout=1)
    equal(response.error, "Execution timeout after 1 seconds", "error")
    still_works(w.raw)


@case(limited, beyond_reference="its text filter refuses the program")
def a_timeout_survives_a_program_that_resists(w):
    program = """
import signal, time
for number in range(1, 65):
  try:
    signal.signal(number, signal.SIG_IGN)
  except (OSError, ValueError):
    pass
while 1:
  try:
    time.sleep(30)
  except BaseException:
    pass
"""
    with Stopwatch() as watch:
        response = failed(w, program, timeout=1)
    equal(response.error_type, "Timeout", "error_type")
    check(watch.seconds < 4, f"it came after {watch.seconds:.1f} s")


@case(limited, beyond_reference="it takes any timeout the caller asks for")
def a_timeout_above_the_maximum_is_capped(w):
    with Stopwatch() as watch:
        response = failed(w, "import time\ntime.sleep(30)", timeout=25)
    equal(response.error, "Execution timeout after 3 seconds", "error")
    check(2.5 < watch.seconds < 6, f"it came after {watch.seconds:.1f} s")


@case(limited, beyond_reference="it takes 0 for no time at all")
def no_timeout_means_the_configured_one(w):
    response = failed(w, "import time\ntime.sleep(30)", timeout=0)
    equal(response.error, "Execution timeout after 3 seconds", "error")
    equal(w.raw.value("result = 5", timeout=0), 5, "a short program")


def program_of(length, filler="x"):
    """A valid program of exactly `length` characters whose result is 1."""
    start = "result = 1  # "
    return start + filler * (length - len(start))


def too_long(w, length, limit, **kw):
    response = failed(w, program_of(length), **kw)
    sentence = f"Code exceeds maximum length of {limit} characters"
    equal(response.error, f"Security violation: {sentence}", f"error for {length} characters")
    return response


@case(limited)
def code_that_is_too_long_is_refused(w):
    too_long(w, 1001, 1000)
    equal(w.raw.value(program_of(1000)), 1, "exactly the limit")
    equal(w.raw.value(program_of(1000, "ü")), 1, "characters are counted, not bytes")


@case(limited, beyond_reference="it leaves error_type empty")
def code_that_is_too_long_is_a_security_violation(w):
    equal(too_long(w, 1001, 1000).error_type, "SecurityViolation", "error_type")


@case(limited)
def a_run_may_set_its_own_length_limit(w):
    equal(w.raw.value(program_of(1500), config={"max_code_length": 2000}), 1, "a higher limit")
    too_long(w, 700, 500, config={"max_code_length": 500})
    equal(w.raw.value(program_of(700)), 1, "the next run has the configured limit")
    client = w.sidecar.executor_client()
    result = client.execute(program_of(1500), [], {}, max_code_length=2000)
    equal(result.result, "1", "through the published client")


@case(limited)
def a_failed_run_leaves_no_result(w):
    response = failed(w, "result = 5\nraise ValueError('late')")
    equal(response.result, "", "result")


@case(limited)
def the_published_client_sees_the_failure(w):
    client = w.sidecar.executor_client()
    result = client.execute("raise KeyError('k')", [], {})
    equal(result.success, False, "success")
    check("Execution failed with return code 1" in result.error, result.error)
    check("KeyError" in result.stderr, f"stderr: {shorten(result.stderr)}")
