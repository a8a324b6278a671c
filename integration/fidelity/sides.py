"""Runs one program outside and inside a sandbox, under the same circumstances otherwise."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field

# What a run inside is: these are the circumstances of a run outside too.
USER = 1000
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "sandbox"}
OPEN_FILES = 1024
PATIENCE = 300
LIMITS = {
    "memory": "2G", "processes": 256, "open-files": OPEN_FILES, "file-size": "1G", "scratch-size": "1G",
    "scratch-inodes": 65536, "output": "16M", "cpu-time": PATIENCE, "timeout": PATIENCE,
}


@dataclass
class Side:
    """What became of the tests of one program: name → outcome, and why."""

    outcomes: dict = field(default_factory=dict)
    why: dict = field(default_factory=dict)
    # Why it was cut short; empty if it came to its end.
    cut: str = ""

    def count(self, outcome):
        return sum(found == outcome for found in self.outcomes.values())


def read(directory, ended, word):
    """The lines that a program left; `ended` and `word` tell how it went."""
    side = Side()
    path = directory / "outcomes.jsonl"
    for line in path.read_bytes().splitlines() if path.exists() else []:
        told = json.loads(line)
        name = told["test"].removeprefix("test.")
        # A name that is told twice counts as what is worse.
        if side.outcomes.get(name) != "failed":
            side.outcomes[name], side.why[name] = told["outcome"], told["why"]
    if not ended:
        side.cut = word
    return side


def place():
    """A directory of this run's own, on the kind of file system that a sandbox has."""
    shared = pathlib.Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="cm-", dir=shared if os.access(shared, os.W_OK) else None)


def ordinary():
    """An ordinary user, also where root asks: for root other tests are skipped."""
    return {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}


def outside(python, program, words):
    with place() as name:
        directory = pathlib.Path(name)
        work, left = directory / "work", directory / "left"
        for path in (directory, work, left):
            path.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                os.chown(path, USER, USER)
        copy = directory / program.name
        shutil.copy(program, copy)
        copy.chmod(0o644)
        environment = ENVIRONMENT | {"HOME": str(work), "TMPDIR": str(work)}
        # Whoever starts this in the background may have had interrupts ignored; some tests wait for theirs.
        alike = ["env", "--default-signal", "prlimit", f"--nofile={OPEN_FILES}", "--core=0"]
        command = [*alike, str(python), "-I", str(copy), *words, str(left)]
        try:
            done = subprocess.run(
                command, cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                timeout=PATIENCE, start_new_session=True, umask=0o022, **ordinary(),
            )
        except subprocess.TimeoutExpired:
            return read(left, False, f"not done in {PATIENCE} s")
        tail = done.stderr.decode(errors="replace")[-600:]
        return read(left, done.returncode == 0, f"exit {done.returncode}: {tail}")


def inside(binary, python, program, words, start, commands):
    with place() as name:
        left = pathlib.Path(name)
        flags = [f"--{limit}={value}" for limit, value in LIMITS.items()]
        command = [str(binary), "run", "--json", "--python", str(python), "--start", start, *flags]
        # With any command allowed there is no exec gate, and the interpreter may start itself again.
        command += ["--allow-command", "true"] if commands else []
        command += ["--outputs", str(left), str(program), *words, "/outputs"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE + 60)
        except subprocess.TimeoutExpired:
            return read(left, False, f"no report {PATIENCE + 60} s after its start")
        try:
            report = json.loads(done.stdout)
        except ValueError:
            said = done.stderr.decode(errors="replace")[-600:]
            return read(left, False, f"no report, exit {done.returncode}: {said}")
        tail = f"{report['verdict']}, {report['evidence']}: {report['stderr'][-600:]}"
        # The start is what was asked for, or this compares something else.
        ended = report["verdict"] == "ok" and report["start"] == start
        return read(left, ended, tail if report["start"] == start else f"start {report['start']}: {tail}")
