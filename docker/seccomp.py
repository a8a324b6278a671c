#!/usr/bin/env python3
"""Makes the container's seccomp profiles, or checks that they are what they should be.

A profile is Docker's default (seccomp-default.json) plus the few rules of seccomp-additions.json,
which says why each is there. Two files are made of them:

  seccomp.json             in Docker's own form, for Docker and Podman
  kubernetes/seccomp.json  in the form of the OCI runtime specification, for Kubernetes: Docker's
                           conditions (`includes`, `excludes`, `archMap`) mean nothing to containerd,
                           which would take each conditional rule for an unconditional one

To build on the default of the engine you have, give its file with --from.
"""

import argparse
import difflib
import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ADDITIONS = HERE / "seccomp-additions.json"
DOCKER = HERE / "seccomp.json"
KUBERNETES = HERE / "kubernetes" / "seccomp.json"

# What the conditions of Docker's form are resolved for: where codemode runs, in a container
# that has dropped every capability.
ARCHITECTURE = ("SCMP_ARCH_X86_64", "amd64")
OLDEST_KERNEL = (5, 12)

REFUSALS = ("SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS")


class Fault(Exception):
    """A sentence for the user: what, why, and the fix."""


def load(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Fault(f"{path} cannot be read ({error.strerror}); give the path of a profile") from error
    except ValueError as error:
        raise Fault(f"{path} is not JSON ({error}); give a profile in Docker's form") from error


def load_base(path, additions):
    """The profile to build on: the one that came along, held to its checksum, or the user's."""
    base = load(path or HERE / additions["base"]["file"])
    if path is None:
        text = (HERE / additions["base"]["file"]).read_bytes()
        if hashlib.sha256(text).hexdigest() != additions["base"]["sha256"]:
            raise Fault(
                f"{additions['base']['file']} is not the file that {ADDITIONS.name} names by its "
                "sha256; restore it, or give your own profile with --from"
            )
    named = isinstance(base, dict) and all("names" in rule for rule in base.get("syscalls") or [{}])
    if not named or base.get("defaultAction") not in REFUSALS or "archMap" not in base:
        raise Fault(
            f"{path} is not an engine's default profile, which refuses what it doesn't list and has an "
            "`archMap`; take profiles/seccomp/default.json of your engine's source"
        )
    return base


def for_docker(base, rules):
    """Docker's default and, after it, the additions: nothing of the default is changed."""
    return {**base, "syscalls": base["syscalls"] + rules}


def applies(rule):
    """Whether a rule of Docker's form holds in our container; the engine decides in the same way."""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    if (set(includes) | set(excludes)) - {"arches", "caps", "minKernel"}:
        raise Fault(f"a rule for {rule['names'][0]} has a condition that this script doesn't know; update it")

    def reached(kernel):
        return OLDEST_KERNEL >= tuple(int(part) for part in kernel.split(".")[:2])

    if excludes.get("arches") and ARCHITECTURE[1] in excludes["arches"]:
        return False
    if excludes.get("minKernel") and reached(excludes["minKernel"]):
        return False
    if includes.get("arches") and ARCHITECTURE[1] not in includes["arches"]:
        return False
    if includes.get("minKernel") and not reached(includes["minKernel"]):
        return False
    # No capability is there: what needs one is out, what one would exclude is in.
    return not includes.get("caps")


def for_kubernetes(base, rules):
    """The same with every condition resolved."""
    architectures = [
        name
        for row in base["archMap"]
        if row["architecture"] == ARCHITECTURE[0]
        for name in [row["architecture"], *(row["subArchitectures"] or [])]
    ]
    kept = ("names", "action", "errnoRet", "args", "comment")
    syscalls = [
        {key: rule[key] for key in kept if key in rule} for rule in base["syscalls"] + rules if applies(rule)
    ]
    top = {key: value for key, value in base.items() if key not in ("archMap", "syscalls")}
    return {**top, "architectures": architectures, "syscalls": syscalls}


def as_text(profile):
    return json.dumps(profile, indent="\t") + "\n"


def check(path, profile):
    """Compares by content, so that formatting is nobody's business; prints what differs."""
    found, wanted = as_text(load(path)), as_text(profile)
    if found == wanted:
        return True
    sys.stdout.writelines(
        difflib.unified_diff(found.splitlines(True), wanted.splitlines(True), str(path), "what it should be")
    )
    return False


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="exit with 1 if a profile differs, and show where")
    what.add_argument("--write", action="store_true", help="write the profiles")
    parser.add_argument("--from", dest="base", type=Path, metavar="FILE", help="another default to build on")
    arguments = parser.parse_args()

    additions = load(ADDITIONS)
    base, rules = load_base(arguments.base, additions), additions["additions"]
    profiles = {DOCKER: for_docker(base, rules), KUBERNETES: for_kubernetes(base, rules)}
    if arguments.write:
        for path, profile in profiles.items():
            path.write_text(as_text(profile), encoding="utf-8")
            print(f"wrote {path}")
        return 0
    if not all([check(path, profile) for path, profile in profiles.items()]):
        print("seccomp.py: not Docker's default plus the additions; run --write, or name your base with --from",
              file=sys.stderr)
        return 1
    print(f"seccomp.json is the default plus {len(rules)} rules")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Fault as fault:
        print(f"seccomp.py: {fault}", file=sys.stderr)
        sys.exit(2)
