def _prelude(values, tag, way, budget, patience):
    """What prove puts in front of a program: what it may aim at, and how it tells what it did."""
    import os

    class Aim:
        def __repr__(self):
            return "<aim>"

    target = Aim()
    target.__dict__.update(values)
    told = {"loot": 0, "left": budget}

    def tell(word, text):
        line = ("\n@%s %s %s\n" % (tag, word, text)).encode()
        try:
            while line:
                line = line[os.write(1, line):]
        except OSError:
            pass

    def short(what):
        return ascii(str(what)[:300])[1:-1]

    def tried(what):
        tell("tried", short(what))

    def gained(what):
        tell("gained", short(what))

    def retracted(what):
        tell("retracted", short(what))

    def loot(data):
        if data is None:
            return
        if not isinstance(data, (bytes, bytearray, memoryview)):
            data = str(data).encode("utf-8", "surrogatepass")
        data = bytes(data)[: told["left"]]
        told["left"] -= len(data)
        told["loot"] += 1
        for at in range(0, len(data), 1500):
            tell("loot", "%d.%d %s" % (os.getpid(), told["loot"], data[at : at + 1500].hex()))

    def mark():
        import ctypes

        ctypes.CDLL(None).prctl(15, values["marker"].encode(), 0, 0, 0)

    def hold(seconds=20):
        mark()
        if way == "input":
            import select

            if select.select([0], [], [], seconds * patience)[0]:
                os.read(0, 1)
        elif way == "tool":
            tools["hold"].run()
        else:
            import time

            time.sleep(min(seconds, 3))

    return target, tried, gained, retracted, loot, mark, hold


aim, tried, gained, retracted, loot, mark, hold = _prelude(@VALUES@)
del _prelude
