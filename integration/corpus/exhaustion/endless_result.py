"""Gives back a result that contains itself, and one that never stops being listed."""
# walls: rlimits
# observe: bounded
# verdict: ok exception timeout memory_limit cpu_limit
# run: --memory 64M --timeout 3
# depth: yes


class Endless(dict):
    def items(self):
        while True:
            yield "x", 1


tried("a result without an end")
inner = []
inner.append(inner)
result = Endless(x=inner)
