"""Calls a tool, and waits while it is looked at."""
# walls: seccomp
# observe: counted:1 neighbour unharmed looked:seccomp
# needs: tools
# first: sample_leaves
tried(tools["echo"].run(value="x"))
hold()
result = "x"
