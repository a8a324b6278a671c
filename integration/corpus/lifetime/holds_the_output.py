"""Leaves a child that holds the output open: a reader would wait for its end."""
# walls: pid_namespace
# within: 10
import os, time

if os.fork() == 0:
    mark()
    time.sleep(60)
tried("a child with the output of a program that is over")
