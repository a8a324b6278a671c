"""What runs do, done before there are any. In one program with the interpreter that they are forked from."""

import os
import sys

# So often that the interpreter has settled on the code for it (PEP 659).
PRACTICE = 20


def _practise(control, example, run):
    """Do here what every run does, so that what the interpreter does the first time is done.

    It remembers where attributes are found, makes names known, binds functions of libraries: in
    each run again, which then writes to a fifth more pages. No exit handler is called.
    """
    main, arguments, path = sys.modules["__main__"], sys.argv[:], sys.path[:]
    kept = os.dup(control)
    pipe = _pipe_that_answers(example * PRACTICE)
    os.dup2(pipe, control)
    for _ in range(PRACTICE):
        run(practice=True)
    os.dup2(kept, control)
    os.close(kept)
    os.close(pipe)
    sys.modules["__main__"], sys.argv[:], sys.path[:] = main, arguments, path


def _pipe_that_answers(text):
    """A descriptor from which `text` is read. What is written to it is never reached."""
    source, target = os.pipe()
    both = os.open("/proc/self/fd/%d" % source, os.O_RDWR)
    os.close(source)
    os.close(target)
    os.write(both, text)
    return both


def _rehearse(begin, run, stop):
    """Do all that happens in a fork from its first step of Python to its end, and stop to be looked at."""
    try:
        begin()
        run()
        stop(19)
    finally:
        os._exit(0)
