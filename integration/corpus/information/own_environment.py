"""Stands still while the host reads its environment for a variable that is not the sandbox's."""
# walls: environment
# observe: looked:environment
tried("stands still to be looked at")
hold()
