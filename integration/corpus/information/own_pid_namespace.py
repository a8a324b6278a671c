"""Stands still in its process namespace while the host compares it with its own."""
# walls: pid_namespace
# observe: looked:pid_namespace
tried("stands still to be looked at")
hold()
