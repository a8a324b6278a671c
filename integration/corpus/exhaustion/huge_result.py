"""Gives back a result that is far too large."""
# walls: rlimits
# observe: bounded
# verdict: exception memory_limit protocol_violation output_limit
# run: --memory 256M --timeout 10
# depth: yes
tried("sixty megabytes")
result = ["x" * (1 << 20)] * 60
