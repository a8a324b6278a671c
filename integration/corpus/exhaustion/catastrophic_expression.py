"""Matches a regular expression that backtracks for longer than the world stands."""
# walls: cgroup_cpu rlimits
# observe: bounded
# verdict: timeout cpu_limit
# run: --timeout 1 --memory 64M
# depth: yes
import re

tried("the match")
re.match(r"(a*)*(a|aa)+$", "a" * 64 + "b")
re.match(r"(([a-z])+.)+[A-Z]([a-z])+$", "a" * 60)
