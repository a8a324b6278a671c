"""Fails with a text of many megabytes, and a chain of a thousand causes."""
# walls: rlimits
# observe: bounded
# verdict: exception output_limit
# run: --memory 256M --timeout 10 --output 64K
# depth: yes
tried("an exception")
error = ValueError("x" * (8 << 20))
for number in range(1000):
    after = RuntimeError("y" * 1000)
    after.__cause__ = error
    error = after
raise error
