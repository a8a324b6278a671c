"""Stands still while the host reads its limits."""
# walls: rlimits
# observe: looked:rlimits
tried("stands still to be looked at")
hold()
