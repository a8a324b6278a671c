"""What a cold run costs, beside bubblewrap and beside the reference sidecar.

    python3 integration/bench/cold.py [--codemode PATH] [--python PATH] [--runs N]
    VENV/bin/python integration/bench/cold.py --sidecar     # needs opencodemode in VENV

The two sides run in turn, so that a machine whose speed drifts slows both; quoted are medians and
the median of the ratios pair by pair.
"""
import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time


def paired(runs, ours, theirs):
    ours(), theirs()
    pairs = [(timed(ours), timed(theirs)) for _ in range(runs)]
    a, b = (statistics.median(side) for side in zip(*pairs))
    return a, b, statistics.median(x / y for x, y in pairs)


def timed(call):
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1e3


def command(*words):
    return lambda: subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def against_bubblewrap(options):
    with tempfile.NamedTemporaryFile("w", suffix=".py") as empty:
        ours = command(options.codemode, "run", "--python", options.python, empty.name)
        theirs = command(
            "bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev",
            options.python, "-I", "-c", "pass",
        )
        a, b, ratio = paired(options.runs, ours, theirs)
    print(f"an empty program: codemode run {a:.1f} ms, bwrap {b:.1f} ms, ratio {ratio:.2f}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sidecar(words, options):
    from codemode.core.executor_client import ExecutorClient

    port = free_port()
    environment = dict(
        os.environ, CODEMODE_SIDECAR_PORT=str(port), CODEMODE_SIDECAR_HOST="127.0.0.1",
        CODEMODE_API_KEY="bench", CODEMODE_PYTHON=options.python,
        CODEMODE_READY_LEAST="0", CODEMODE_READY_MOST="0",
    )
    process = subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client = ExecutorClient(executor_url=f"http://127.0.0.1:{port}", api_key="bench")
    while not client.health_check():
        if process.poll() is not None:
            sys.exit(f"{words[0]} ended before it served")
        time.sleep(0.1)

    def execute():
        answer = client.execute(code="result = 2 + 2", available_tools=[], config={})
        assert answer.result == "4", answer

    return process, execute


def against_the_reference(options):
    ours, execute = sidecar([options.codemode, "serve"], options)
    theirs, reference = sidecar([sys.executable, "-m", "codemode.executor.service"], options)
    try:
        a, b, ratio = paired(options.runs, reference, execute)
    finally:
        for process in (ours, theirs):
            process.terminate()
            process.wait()
    print(f"Execute of 2 + 2: reference {a:.1f} ms, codemode serve {b:.1f} ms, ratio {ratio:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codemode", default="target/release/codemode")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--sidecar", action="store_true")
    options = parser.parse_args()
    options.codemode = os.path.abspath(options.codemode)
    against_the_reference(options) if options.sidecar else against_bubblewrap(options)


if __name__ == "__main__":
    main()
