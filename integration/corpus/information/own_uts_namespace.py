"""Stands still in its namespace of host names while the host compares it with its own."""
# walls: uts_namespace
# observe: looked:uts_namespace
tried("stands still to be looked at")
hold()
