"""Climbs the frames above itself and reads the variables of the code that runs it."""
# walls: environment descriptors
# observe: unread
# depth: yes
import sys
import threading

frame = sys._getframe()
depth = 0
while frame is not None and depth < 100:
    for scope in (frame.f_locals, frame.f_globals) if depth else ():
        for name, value in list(scope.items()):
            try:
                loot(f"{name} = {value!r}"[:300])
            except Exception as error:
                tried(f"{name}: {type(error).__name__}")
            for cell in getattr(value, "__closure__", None) or ():
                try:
                    loot(repr(cell.cell_contents)[:300])
                except ValueError:
                    pass
    frame, depth = frame.f_back, depth + 1
tried(f"climbed {depth} frames")
for thread in threading.enumerate():
    tried(f"thread {thread.name}")
