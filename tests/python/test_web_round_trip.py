"""What one request asks, it asks at once, and leaves nothing behind."""
from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Stack
from hlidka.fastapi import Hlidka
from hlidka.fastapi import kit as kit_module
from played import HEADERS, PATIENT, active, always, auth_says, decision, run, until
from standin import Asked, StandIn, ok
from timing import within
from web import BEARER


def test_session_step_up_and_limit_are_asked_at_once(stack: Stack) -> None:
    """Nobody is answered before all three have been asked: in sequence, this would end in a 503."""
    held: list[tuple[Asked, dict[str, Any]]] = []
    lock, together = threading.Lock(), threading.Event()
    replies = {"auth.session.introspect": active(), "auth.authorize": ok(allow=True), "ratelimit.check": decision()}
    place: list[StandIn] = []

    def answer(asked: Asked) -> dict[str, Any] | None:
        if not together.is_set():
            return replies[asked.op]
        with lock:
            held.append((asked, replies[asked.op]))
            if {a.op for a, _ in held} == set(replies):
                for waiting, reply in held:
                    place[0].reply(waiting, reply)
                held.clear()
        return None

    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        place.append(there)
        assert (await client.post("/payment-methods", headers=BEARER)).status_code == 200      # what it needs is learnt
        together.set()
        for _n in range(3):
            reply = await within(PATIENT, client.post("/payment-methods", headers=BEARER))
            assert reply.json() == {"user_id": "u-1"}
            assert reply.headers["ratelimit"] == HEADERS["RateLimit"]
        assert there.times("auth.session.introspect") == there.times("auth.authorize") == there.times("ratelimit.check") == 4
    run(stack, answer, answer, test)


def test_an_answered_request_leaves_no_cycle(stack: Stack) -> None:
    """What only the garbage collector frees, it frees in pauses."""
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        await client.post("/orders", headers=BEARER)
        gc.collect()
        gc.disable()
        try:
            for _n in range(5):
                assert (await client.post("/orders", headers=BEARER)).status_code == 200
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            assert [o for o in gc.garbage if type(o).__module__.startswith("hlidka")] == []
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    run(stack, auth_says(active()), always(decision()), test)


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_is_flat_over_thousands_of_requests(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Good ones, refused ones and ones that nobody answers, each with a token of its own."""
    monkeypatch.setattr(kit_module, "KNOWN_MAX", 100)

    def auth(asked: Asked) -> dict[str, Any] | None:
        kind = asked.body["token"][-1]
        return active() if kind == "G" else ok(active=False) if kind == "D" else None

    async def test(client: httpx.AsyncClient, _: StandIn, kit: Hlidka) -> None:
        replies: Counter[int] = Counter()

        async def batch(count: int) -> None:
            async def one(n: int) -> None:
                kind = "GGGDS"[n % 5]
                token = f"hls_{os.urandom(30).hex():A<63}{kind}"
                reply = await client.post("/orders", headers={"Authorization": f"Bearer {token}"})
                # on a busy machine the others may be too late as well
                assert reply.status_code in ({"G": 200, "D": 401}.get(kind), 503), reply.text
                replies[reply.status_code] += 1
            for first in range(0, count, 100):
                await asyncio.gather(*(one(n) for n in range(first, first + 100)))
        await batch(1000)
        before = resident()
        await batch(3000)
        assert resident() - before < 4 * 2**20
        assert min(replies.values()) > 200
        await until(lambda: not kit._aside)
        await until(lambda: kit.client.stats().in_flight == 0)
        assert len(kit.known._of) <= 100
    run(stack, auth, lambda a: decision() if a.op == "ratelimit.check" else ok(refunded=True), test, remember=False,
        session_deadline=0.3)
