"""The two lists: which modules are compared, and which tests are known to differ and why."""

from dataclasses import dataclass, field

# The mark that leaves tests of a module out.
WITHOUT = "without:"


def lines(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if (words := line.split("#", 1)[0].split()):
            yield f"{path.name}:{number}", words


def modules(path):
    """Name → its marks."""
    found = {}
    for where, (name, *marks) in lines(path):
        if not {mark for mark in marks if not mark.startswith(WITHOUT)} <= {"full", "both"}:
            raise SystemExit(f"{where}: {marks}: a name, and then `full`, `both`, `{WITHOUT}TESTS` or nothing")
        found[name] = marks
    return found


def left_out(marks):
    """How the names of those tests of a module begin that are not run."""
    return [mark.removeprefix(WITHOUT) for mark in marks if mark.startswith(WITHOUT)]


@dataclass
class Known:
    """A test, or with a `*` behind it all that begin so, that differ, and for which reason."""

    where: str
    name: str
    # Words that must all hold: a version of Python, a start.
    only: list
    reason: str
    # Tests of that name that did differ, and that did not.
    differing: set = field(default_factory=set)
    alike: set = field(default_factory=set)

    def holds(self, circumstances):
        return set(self.only) <= circumstances

    def matches(self, test):
        return test.startswith(self.name[:-1]) if self.name.endswith("*") else test == self.name


def differences(path):
    """A reason stands in brackets; below it, a name a line, with its circumstances in front."""
    found, reason = [], None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if line.startswith("["):
            reason = line.strip("[]")
        elif line and not line.startswith("#"):
            *only, name = line.split()
            if reason is None:
                raise SystemExit(f"{path.name}:{number}: a name before any [reason]")
            found.append(Known(f"{path.name}:{number}", name, only, reason))
    return found
