"""Leaves a file."""
open("/tmp/left", "w").write("left")
