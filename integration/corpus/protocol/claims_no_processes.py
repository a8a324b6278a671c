"""Raises the error of a process limit that it never met, to be judged as if it had."""
# walls: descriptors
# depth: yes
# verdict: exception
tried("a process limit that was not met")
raise BlockingIOError(11, "Resource temporarily unavailable")
