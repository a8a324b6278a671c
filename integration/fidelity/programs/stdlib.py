"""Runs one module of CPython's own tests and writes what became of each: a line of JSON per test.

    stdlib.py MODULE [WITHOUT...] DIRECTORY

Tests of the module whose names begin with one of WITHOUT are left out.
The same program runs outside and inside a sandbox. It is not `python -m test`, because that
tells counts, and what is compared here are names.
"""

import doctest
import importlib
import json
import os
import sys
import unittest


class Record(unittest.TestResult):
    """Writes each outcome as it is known, so that a run cut short still tells how far it came."""

    def __init__(self, file):
        super().__init__()
        self.file = file
        self.process = os.getpid()
        self.failed_subtests = []

    def startTest(self, test):
        super().startTest(test)
        self.failed_subtests = []

    def tell(self, test, outcome, why=""):
        if os.getpid() != self.process:
            # A child that should have become another program, and came back into the tests.
            os._exit(1)
        # By its class: a test may have an attribute of its own that is called `id`.
        line = {"test": type(test).id(test), "outcome": outcome, "why": why[-600:]}
        self.file.write(json.dumps(line).encode() + b"\n")

    def addSuccess(self, test):
        self.tell(test, "passed")

    def addError(self, test, error):
        self.tell(test, "failed", self._exc_info_to_string(error, test))

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        # unittest calls a test with failed parts no success: it is told once, by its own name.
        if error is not None:
            self.failed_subtests.append(self._exc_info_to_string(error, test))

    def stopTest(self, test):
        super().stopTest(test)
        if self.failed_subtests:
            self.tell(test, "failed", self.failed_subtests[0])

    def addSkip(self, test, reason):
        self.tell(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        self.tell(test, "passed")

    def addUnexpectedSuccess(self, test):
        self.tell(test, "failed", "succeeded where it was expected to fail")


def without(suite, left_out):
    """All of its tests but some, by how their names begin within the module."""
    kept = unittest.TestSuite()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            kept.addTest(without(test, left_out))
        elif not type(test).id(test).split(".", 2)[-1].startswith(left_out):
            kept.addTest(test)
    return kept


def main(module, *left_out, directory):
    from test import support

    support.verbose = 0
    support.use_resources = []  # No network, no sound, nothing that takes minutes.
    # Only this file is unbuffered: a program that is killed loses nothing it has told.
    with open(os.path.join(directory, "outcomes.jsonl"), "wb", buffering=0) as file:
        record = Record(file)
        try:
            found = importlib.import_module("test." + module)
        except Exception as error:
            outcome = "skipped" if isinstance(error, unittest.SkipTest) else "failed"
            line = {"test": "test." + module, "outcome": outcome, "why": repr(error)}
            file.write(json.dumps(line).encode() + b"\n")
            return
        tests = unittest.defaultTestLoader.loadTestsFromModule(found)
        if not tests.countTestCases():
            # One of the old form, whose tests are what its text shows.
            tests = doctest.DocTestSuite(found)
        if left_out:
            tests = without(tests, left_out)
        tests.run(record)


if __name__ == "__main__":
    main(*sys.argv[1:-1], directory=sys.argv[-1])
