"""Stands still in its network namespace while the host compares it with its own."""
# walls: network_namespace
# observe: looked:network_namespace
tried("stands still to be looked at")
hold()
