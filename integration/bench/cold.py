"""What a cold run costs, beside bubblewrap and beside the reference sidecar. `codemode bench` measures the
same and more; this needs no build of ours but the one that is compared.

    python3 integration/bench/cold.py [--codemode PATH] [--python PATH] [--runs N]
    VENV/bin/python integration/bench/cold.py --sidecar     # needs opencodemode in VENV

The yardstick is bubblewrap with narrow binds: it shows the program what codemode shows it, and hides the
rest of the host as codemode does. Beside it stands bubblewrap with `/` bound whole, a shorter command
line that leaves every file of the host readable. `codemode bench` has both under the same names.

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


def narrow_binds(python):
    """What the interpreter needs, read-only, in an otherwise empty root."""
    ask = "import sys; print(sys.base_prefix, sys.prefix, sep='\\n')"
    said = subprocess.run([python, "-I", "-c", ask], check=True, capture_output=True, text=True)
    binds, links = ["/usr", "/etc"], []
    for place in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(place):
            links += ["--symlink", os.readlink(place), place]
        elif os.path.isdir(place):
            binds.append(place)
    for prefix in said.stdout.split("\n"):
        if prefix and not any(f"{prefix}/".startswith(f"{bind}/") for bind in binds):
            binds.append(prefix)
    return ["--tmpfs", "/tmp", *(word for bind in binds for word in ("--ro-bind", bind, bind)), *links]


def against_bubblewrap(options):
    walls = ["--unshare-all", "--new-session", "--die-with-parent", "--cap-drop", "ALL"]
    own = ["--proc", "/proc", "--dev", "/dev"]
    shown = {
        "narrow binds": [*own, *narrow_binds(options.python)],
        "/ whole": ["--ro-bind", "/", "/", *own],
    }
    for name, binds in shown.items():
        with tempfile.NamedTemporaryFile("w", suffix=".py") as empty:
            ours = command(options.codemode, "run", "--python", options.python, empty.name)
            theirs = command("bwrap", *walls, *binds, options.python, "-I", "-c", "pass")
            a, b, ratio = paired(options.runs, ours, theirs)
        print(f"an empty program: codemode run {a:.1f} ms, bwrap, {name} {b:.1f} ms, ratio {ratio:.2f}")


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
