"""One asyncio loop in a thread, for everything asynchronous in the suite."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any


class LoopThread:
    """gRPC's asyncio side does not like several loops at a time, so all share this one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="asyncio", daemon=True).start()

    def run(self, coroutine: Coroutine[Any, Any, Any], timeout: float = 60) -> Any:
        """Run `coroutine` on the loop and wait for its value."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)


LOOP = LoopThread()
