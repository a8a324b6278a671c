"""Raises the error of full scratch, with all of it free, to be judged as if it had filled it."""
# walls: descriptors
# depth: yes
# verdict: exception
tried("a scratch limit that was not met")
raise OSError(28, "No space left on device")
