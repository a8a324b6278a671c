"""What a run does to the memory of the interpreter that it is forked from. In one program with it."""

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
    pipe = _answer_itself(control)
    for _ in range(PRACTICE):
        os.write(control, example)
        run(practice=True)
        # What it said.
        os.read(control, 1 << 16)
    os.dup2(kept, control)
    for number in (kept, *pipe):
        os.close(number)
    sys.modules["__main__"], sys.argv[:], sys.path[:] = main, arguments, path


def _answer_itself(control):
    """Have what is written to `control` read from it. Returns what else is open for it."""
    source, target = os.pipe()
    both = os.open("/proc/self/fd/%d" % source, os.O_RDWR)
    os.dup2(both, control)
    return source, target, both


def _pages_of_a_run(fork, control, begin, example, run):
    """Find out which pages a run writes to, and which pages of files it touches.

    With the first the kernel is asked for all of them at once, while the sandbox is still being built: else each
    costs a fault. Returns addresses, eight bytes each, the second ones in order; and how many there are of each.
    """
    done, end = os.pipe(), os.pipe()
    # One that runs almost nothing, as a run would be forked; what it finds free is what a run will find.
    child = fork.codemode_fork()
    if child == 0:
        try:
            os.close(end[1])
            _rehearse(control, begin, example, run)
            os.write(done[1], b"1")
            os.read(end[0], 1)
        finally:
            os._exit(0)
    # Of each only one end is left: whoever dies, the others hear of it.
    os.close(done[1])
    source, target = os.pipe()
    # Looked at by another: what that leaves behind would be copied for every run.
    looker = fork.codemode_fork() if child > 0 else -1
    if looker == 0:
        try:
            os.close(end[1])
            if os.read(done[0], 1):
                _tell_pages(child, target)
        finally:
            os._exit(0)
    os.close(target)
    told = b""
    while True:
        more = os.read(source, 1 << 16)
        if not more:
            break
        told += more
    for process in child, looker:
        if process > 0:
            os.kill(process, 9)
            os.waitpid(process, 0)
    for number in (done[0], *end, source):
        os.close(number)
    written = int.from_bytes(told[:8], "little")
    return told[8:], written, max(len(told) // 8 - 1 - written, 0)


def _rehearse(control, begin, example, run):
    """All that happens in a fork from its first step of Python to its end."""
    # What the run says stays there.
    _answer_itself(control)
    os.write(control, example)
    begin()
    run()


def _tell_pages(child, target):
    written, touched = _looked_at(child)
    told = [len(written), *sorted(written), *sorted(touched)]
    with open(target, "wb") as out:
        out.write(b"".join(number.to_bytes(8, "little") for number in told))


def _looked_at(child):
    """Pages that `child` has to itself, of those that there are here too; and a file's that it has.

    See pagemap in proc(5) and Documentation/admin-guide/mm/pagemap.rst: bit 63 present, 61 a file's, 56 mapped
    by no other process (Linux 4.2).
    """
    def present(mode, bits):
        return mode.startswith("rw") and bits >> 63

    def alone(mode, bits):
        return present(mode, bits) and bits >> 56 & 1

    def of_file(mode, bits):
        return mode.startswith("r") and bits >> 63 and bits >> 61 & 1

    return _pages(child, alone) & _pages("self", present), _pages(child, of_file)


def _pages(process, wanted):
    """Those of its private memory of which `wanted` holds, by what may be done with them and their entry."""
    size = os.sysconf("SC_PAGE_SIZE")
    pages = set()
    with open("/proc/%s/maps" % process) as maps, open(
        "/proc/%s/pagemap" % process, "rb", 0
    ) as pagemap:
        for line in maps.read().splitlines():
            area, mode = line.split()[:2]
            # The kernel's own have no entries at the end of the address space.
            if mode[3] != "p" or "[v" in line:
                continue
            first, end = [int(number, 16) for number in area.split("-")]
            pagemap.seek(first // size * 8)
            entries = memoryview(pagemap.read((end - first) // size * 8)).cast("Q")
            pages.update(first + at * size for at, bits in enumerate(entries) if wanted(mode, bits))
    return pages
