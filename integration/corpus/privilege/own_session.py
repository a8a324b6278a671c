"""Stands still while the host looks for its session and its terminal."""
# walls: session
# observe: looked:session
tried("stands still to be looked at")
hold()
