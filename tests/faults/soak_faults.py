"""Inject random faults and kill servers while people use the site."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from tests.faults.faults import (
    FORBIDDEN,
    INTERNAL_ERROR,
    SLOW_DOWN,
    Action,
    Answer,
    CutAnswer,
    CutRequest,
    Delay,
    DropAnswer,
    Fault,
    Stall,
    Trickle,
)
from tests.faults.soak_servers import SoakServers

MIB = 1024 * 1024


class RandomFaults:
    """Changes the injected faults every few seconds and sometimes kills a server.

    Use this class in the main thread, because a restarted server ends with the thread
    that has started it.
    """

    def __init__(self, servers: SoakServers, *, seed: int) -> None:
        self.servers = servers
        self.hit_count: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self._chance = random.Random(f"{seed}/faults")
        self._faults: list[Fault] = []

    def inject_until(self, until: float) -> None:
        """Inject faults until ``time.monotonic()`` is ``until``, then end them."""
        next_kill = time.monotonic() + 10
        while (now := time.monotonic()) < until:
            time.sleep(min(until - now, self._chance.uniform(1, 5)))
            self._change()
            if time.monotonic() > next_kill:
                self._kill()
                next_kill = time.monotonic() + self._chance.uniform(8, 25)
            self.servers.restart_ended_sweepers()
        self._clear()

    def _change(self) -> None:
        self._clear()
        for proxy in self.servers.proxies:
            if self._chance.random() < 0.3:
                proxy.bytes_per_second = self._chance.choice([4, 16]) * MIB
            for _ in range(self._chance.choice([0, 1, 1, 2])):
                probability = self._chance.choice([0.02, 0.1, 0.3])
                fault = Fault(self._action(), probability=probability)
                self._faults.append(proxy.add(fault))

    def _clear(self) -> None:
        for fault in self._faults:
            self.hit_count[type(fault.action).__name__] += fault.hit_count
        self._faults = []
        for proxy in self.servers.proxies:
            proxy.end_faults()
            proxy.clear_exchanges()

    def _action(self) -> Action:
        some_bytes = self._chance.choice([0, 100, 5_000, 1_000_000])
        actions: list[Action] = [
            SLOW_DOWN,
            Answer(503, "SlowDown", retry_after=1),
            Answer(503, "SlowDown", early=True),
            INTERNAL_ERROR,
            FORBIDDEN,
            DropAnswer(),
            CutRequest(some_bytes),
            CutAnswer(some_bytes),
            Stall(some_bytes),
            Delay(self._chance.uniform(0.1, 3)),
            Trickle(512 * 1024),
        ]
        return self._chance.choice(actions)

    def _kill(self) -> None:
        actions: dict[str, Callable[[], None]] = {
            "storage": self._kill_storage,
            "web processes": self._kill_web_processes,
            "database": self._kill_database,
        }
        victim = self._chance.choice(sorted(actions))
        actions[victim]()
        self.kills[victim] += 1

    def _kill_storage(self) -> None:
        self.servers.s3.kill()
        time.sleep(self._chance.uniform(0, 3))
        self.servers.s3.start()

    def _kill_web_processes(self) -> None:
        self.servers.site.kill_workers()

    def _kill_database(self) -> None:
        self.servers.postgres.crash()
        time.sleep(self._chance.uniform(0, 2))
        self.servers.postgres.resume()
