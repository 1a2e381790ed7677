"""auth, crypto and audit together under a backend's load, while they and what they stand on die, sleep, go and come."""
import random
import signal
import time
from contextlib import contextmanager

from backend import Backend
from outcome import Scenario
from stand import Stand

SERVICES = ("crypto", "auth", "audit")
RATE = 60


@contextmanager
def two_of_each(stand: Stand, count: int = 2):
    for service in SERVICES:
        stand.scale(count, service)
    backend = Backend(stand, RATE)
    try:
        yield backend
    finally:
        backend.end()
        for service in reversed(SERVICES):
            stand.end_service(service)


def crash(stand: Stand, s: Scenario) -> None:
    """kill -9 of auth, crypto and audit at random moments under load: nothing acknowledged is lost, nothing is doubled"""
    kills = stand.pick(1, 20)
    with two_of_each(stand) as backend:
        time.sleep(2)
        victims = [(service, 1 + i % 2) for i in range(kills) for service in SERVICES]
        random.shuffle(victims)
        for service, number in victims:
            time.sleep(random.uniform(0.2, stand.pick(1.0, 2.0)))
            stand.signal(number, signal.SIGKILL, service)
            time.sleep(0.2)
            stand.stack("start", service, 2)
        time.sleep(3)
        s.volume = f"{kills} kills each"
        backend.settle(stand, s)


def zombie(stand: Stand, s: Scenario) -> None:
    """an instance of each stopped for 15 s and woken, audit's writer among them: it changes nothing that is not its own any more"""
    with two_of_each(stand) as backend:
        time.sleep(2)
        for service, number in [(service, n) for n in stand.pick((1,), (1, 2)) for service in SERVICES]:
            stand.signal(number, signal.SIGSTOP, service)
            time.sleep(15 if service == "audit" or stand.full else 6)
            stand.signal(number, signal.SIGCONT, service)
            time.sleep(2)
        s.volume = f"{stand.pick(3, 6)} sleeps"
        backend.settle(stand, s)


def stores_away(stand: Stand, s: Scenario) -> None:
    """PostgreSQL, then the broker, stopped for 10 s under load: whole again without a restart"""
    with two_of_each(stand, 1) as backend:
        before = [stand.pid(1, service) for service in SERVICES]
        for store in ("postgres", "bus") * stand.pick(1, 2):
            time.sleep(2)
            stand.stack("store", store, "stop")
            time.sleep(10)
            stand.stack("store", store, "start")
            time.sleep(6)
        s.volume = f"{stand.pick(1, 2)} times 10 s each"
        backend.settle(stand, s)
        s.check("the same processes serve on", [stand.pid(1, service) for service in SERVICES] == before)


def scaling(stand: Stand, s: Scenario) -> None:
    """1 to 3 to 1 instances of each under load"""
    with two_of_each(stand, 1) as backend:
        time.sleep(2)
        for count in (3, 1):
            for service in SERVICES:
                stand.scale(count, service)
            time.sleep(stand.pick(2, 6))
        s.volume = "1 to 3 to 1 of each"
        backend.settle(stand, s)
