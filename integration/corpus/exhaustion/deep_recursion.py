"""Recurses without an end, and catches what stops it to recurse again."""
# walls: rlimits
# observe: bounded
# verdict: exception timeout cpu_limit signal memory_limit
# run: --memory 64M --timeout 1 --cpu-time 1
# depth: yes
tried("the first call")


def down(depth):
    try:
        return down(depth + 1)
    except RecursionError:
        return down(depth)


down(0)
