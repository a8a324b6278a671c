"""Runs a package's own tests with pytest and writes what became of each: a line of JSON per test.

    packages.py WORD... DIRECTORY

The words are pytest's. The same program runs outside and inside a sandbox.
"""

import json
import os
import sys

# One thread for numbers: what is compared is results and not speed.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"


class Record:
    """Tells a test's outcome once: by its body, unless what is around it failed."""

    def __init__(self, file):
        self.file = file

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            # A test that is expected to fail and does is `skipped` in pytest's words.
            why = "" if report.outcome == "passed" else str(report.longrepr)
            line = {"test": report.nodeid, "outcome": report.outcome, "why": why[-600:]}
            self.file.write(json.dumps(line).encode() + b"\n")

    def pytest_collectreport(self, report):
        if report.outcome != "passed":
            line = {"test": report.nodeid, "outcome": report.outcome, "why": str(report.longrepr)[-600:]}
            self.file.write(json.dumps(line).encode() + b"\n")


def main(*words):
    import importlib.util

    import pytest

    *words, directory = words
    # Names of tests are relative to this directory, which both sides have.
    site = os.path.dirname(os.path.dirname(importlib.util.find_spec("numpy").origin))
    quiet = ["-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "-p", "no:faulthandler",
             "--assert=plain", f"--rootdir={site}", "-c", os.devnull, "-W", "ignore"]
    with open(os.path.join(directory, "outcomes.jsonl"), "wb", buffering=0) as file:
        code = pytest.main([*quiet, "--pyargs", *words], plugins=[Record(file)])
    # 1 says that tests failed, which the lines tell.
    if code not in (0, 1):
        sys.exit(int(code))


if __name__ == "__main__":
    main(*sys.argv[1:])
