"""Stands still while the host reads its five sets of capabilities."""
# walls: capabilities
# observe: looked:capabilities
tried("stands still to be looked at")
hold()
