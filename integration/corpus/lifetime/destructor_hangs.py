"""Leaves an object whose destructor never ends, in the scope that is cleared at the end."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2
# within: 10
import time

class Endless:
    def __del__(self, sleep=time.sleep):
        sleep(60)

endless = Endless()
tried("a destructor of a minute")
