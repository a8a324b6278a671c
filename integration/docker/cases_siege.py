"""The service while its runs do their worst together."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import grpc

from container import Container
from harness import case, check, equal
from rpc import RawClient
from site_under_test import the_site

FORK_BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
MEMORY_HOG = """
kept = []
while True:
    kept.append(bytearray(8 << 20))
"""
MEMORY_HERD = """
import os, time
for _ in range(20):
    try:
        if os.fork() == 0:
            break
    except OSError:
        pass
kept = []
try:
    while True:
        kept.append(bytearray(4 << 20))
except MemoryError:
    time.sleep(9)
"""
DISK_FILLER = """
number = 0
while True:
    try:
        with open(f'/tmp/{number}', 'wb') as f:
            f.write(bytes(1 << 20))
    except OSError:
        pass
    number += 1
"""
ATTACKS = [FORK_BOMB, MEMORY_HOG, MEMORY_HERD, DISK_FILLER]
ROUNDS = 3


@contextmanager
def besieged():
    # The default limits: a run may have as much memory as the whole container.
    with Container(the_site()) as container:
        yield container


class Pulse:
    """Asks for Health over and over in a `with` block."""

    def __init__(self, target: str) -> None:
        self.client = RawClient(target)
        self.seconds: list[float] = []
        self.lost: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat)

    def _beat(self) -> None:
        while not self._over.wait(0.02):
            begun = time.perf_counter()
            try:
                self.client.health(timeout=5)
            except grpc.RpcError as error:
                self.lost.append(str(error.code()))
            self.seconds.append(time.perf_counter() - begun)

    def __enter__(self) -> Pulse:
        self.client.health()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.client.close()

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1e3


@case(besieged, timeout=180)
def the_service_answers_while_runs_fork_hog_and_fill(w):
    with Pulse(f"127.0.0.1:{w.port}") as pulse:
        for _ in range(ROUNDS):
            runs = [w.client.start(attack, timeout=5, deadline=60) for attack in ATTACKS]
            answers = [run.result() for run in runs]
            check(not any(answer.success for answer in answers), "an attack ended well")
            ours = [a.error for a in answers if "sandbox" in a.error_type.lower()]
            equal(ours, [], "faults of ours")
    print(
        f"    Health: {len(pulse.seconds)} asked, p50 {pulse.percentile(0.5):.1f} ms, "
        f"p99 {pulse.percentile(0.99):.1f} ms, most {pulse.percentile(1):.1f} ms",
        flush=True,
    )
    equal(pulse.lost, [], "unanswered")
    state = w.site.engine.inspect(w.name)
    equal((state["RestartCount"], state["State"]["OOMKilled"] and not state["State"]["Running"]),
          (0, False), "restarts of the service")
    check(w.client.execute("result = 1").success, "an ordinary run fails afterwards")


# Memory that lies in the kernel, behind sockets, and in no process.
SOCKET_HOARD = """
import os, socket, time
for _ in range(8):
    if os.fork() == 0:
        break
pairs = []
try:
    while True:
        a, b = socket.socketpair()
        pairs.append((a, b))
        a.setblocking(False)
        try:
            while True:
                a.send(bytes(1 << 16))
        except BlockingIOError:
            pass
except OSError:
    time.sleep(20)
"""
HONEST = """
import time
kept = bytearray(30 << 20)
time.sleep(5)
result = 'alive'
"""


@case(besieged, timeout=120)
def honest_runs_outlive_one_that_hides_what_it_takes(w):
    honest = [w.client.start(HONEST, timeout=20, deadline=60) for _ in range(2)]
    hoard = w.client.start(SOCKET_HOARD, timeout=8, deadline=60)
    answers = [run.result() for run in honest]
    check(all(answer.success for answer in answers), f"{[answer.error for answer in answers]}")
    check(not hoard.result().success, "the hoard ended well")
    check(w.client.execute("result = 1").success, "an ordinary run fails afterwards")
