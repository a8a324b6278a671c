"""Checks every dependency's licence against deny.toml, without the network.

A stand-in for `cargo deny check licenses sources` where cargo-deny isn't installed. Advisories
need a database from the network and are left to cargo-deny. Arguments go to `cargo metadata`, such as
`--manifest-path fuzz/Cargo.toml`.
"""
import json
import re
import subprocess
import sys
import tomllib

with open("deny.toml", "rb") as file:
    policy = tomllib.load(file)
allowed = set(policy["licenses"]["allow"])
metadata = json.loads(
    subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1",
         "--filter-platform", "x86_64-unknown-linux-gnu", *sys.argv[1:]],
        check=True, stdout=subprocess.PIPE,
    ).stdout
)


def holds(expression):
    """Whether an SPDX expression can be met with allowed licences. `/` is an old `OR`."""
    words = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    terms = []
    for word in words:
        if word in ("(", ")"):
            terms.append(word)
        elif word in ("AND", "OR"):
            terms.append(word.lower())
        elif word == "WITH":
            terms.append("WITH")
        elif terms and terms[-1] == "WITH":
            terms.pop()
            base = terms.pop()
            terms.append((base[0], word))
        else:
            terms.append((word,))
    text = " ".join(
        term if isinstance(term, str) else str(" WITH ".join(term) in allowed) for term in terms
    )
    return eval(text, {"__builtins__": {}})  # True, False, and, or, parentheses


problems = []
for package in metadata["packages"]:
    name = f"{package['name']} {package['version']}"
    if package["source"] is not None and not package["source"].startswith("registry+"):
        problems.append(f"{name}: comes from {package['source']}")
    expression = package["license"]
    if not expression or not holds(expression):
        problems.append(f"{name}: licence {expression!r} is not allowed by deny.toml")
for problem in problems:
    print(problem)
print(f"{len(metadata['packages'])} packages, {len(problems)} problems")
sys.exit(bool(problems))
