"""Exits with the code by which a killed or timed-out run is known."""
# walls: pid_namespace
# depth: yes
# verdict: exit_code
# within: 10
import os

tried("an exit with 137")
os._exit(137)
