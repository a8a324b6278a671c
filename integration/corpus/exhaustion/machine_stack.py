"""Runs down the machine's stack, with the interpreter's own limit lifted."""
# walls: rlimits
# observe: bounded
# verdict: signal exception memory_limit
# run: --memory 64M --timeout 10
# depth: yes
import sys

sys.setrecursionlimit(1 << 30)
tried("the first call")


class Deep:
    def __repr__(self):
        return repr([self])


repr(Deep())
