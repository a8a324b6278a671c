"""Stands still in its user namespace while the host compares it with its own."""
# walls: user_namespace
# observe: looked:user_namespace
tried("stands still to be looked at")
hold()
