"""Calls and events of a backend, against real services."""
from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hlidka
import pytest
from confluent_kafka import Producer
from conftest import Stack
from hlidka import ops, refusals, wire
from hlidka.kafka import Kafka
from hlidka.keys import OwnKey, read_principals, read_secrets
from nacl import bindings as sodium
from timing import within

Run = Callable[..., None]


NOBODY: ops.AuthSessionIntrospectRequest = {"token": "hls_" + "A" * 64}


def someone() -> str:
    return f"u-{uuid.uuid4()}"


def check(user: str | None = None) -> ops.RatelimitCheckRequest:
    return {"user_id": user or someone(), "tier": "free", "endpoint": "lessons.create"}


def lessons_left(decision: ops.RatelimitCheckResult) -> int:
    return next(limit["remaining"] for limit in decision["limits"] if limit["policy"] == "lessons-free")


async def recorded(auditor: hlidka.Client, user: str, since: int, count: int) -> list[ops.AuditRecordedEvent]:
    """That many events of the user, newest first, once audit has them."""
    async with asyncio.timeout(15):
        while True:
            body: ops.AuditQueryRequest = {"from": since - 1000, "to": hlidka.now_ms() + 1000, "user_id": user}
            events = (await auditor.call(ops.AUDIT_QUERY, body))["events"]
            if len(events) >= count:
                return events
            await asyncio.sleep(0.1)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def test_a_call_has_its_typed_result(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        decision = await client.call(ops.RATELIMIT_CHECK, check())
        assert decision["allowed"] is True
        assert lessons_left(decision) == 29
        assert "RateLimit" in decision["headers"]
    with_client(test)


def test_refusals_are_exceptions_by_code(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        with pytest.raises(refusals.InvalidRequest) as refused:
            await client.call(ops.AUTH_SESSION_LIST, ops.AuthSessionListRequest(user_id=""))
        assert (refused.value.status, refused.value.code) == (400, "invalid_request")
        assert [(e["pointer"], e["code"]) for e in refused.value.errors] == [("/user_id", "too_short")]
        with pytest.raises(refusals.SignatureRequired):
            await client.call(ops.RATELIMIT_RESET, ops.RatelimitResetRequest(user_id=someone()))
    with_client(test, principal="ops")


def test_two_thousand_in_flight_each_get_their_own(with_client: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, more = [], Kafka.more

    def watched(kafka: Kafka) -> list[bytes]:
        values = more(kafka)
        taken.append(len(values))
        return values
    monkeypatch.setattr(Kafka, "more", watched)

    async def test(client: hlidka.Client) -> None:
        # The n-th user has used n % 5 before: an answer given to another call would show.
        users = [(someone(), n % 5) for n in range(2000)]
        body: list[ops.RatelimitCheckRequest] = [{**check(user), "cost": cost} for user, cost in users]
        first = await asyncio.gather(*(client.call(ops.RATELIMIT_CHECK, b, deadline=4.9) for b in body))
        assert [lessons_left(d) for d in first] == [30 - cost for _, cost in users]
        stats = client.stats()
        assert (stats.answered, stats.in_flight, stats.timeouts) == (2000, 0, 0)
        assert sum(taken) > 0                   # the loop had the queue for a while,
        for _ in range(3):                      # and the thread has it back
            await client.call(ops.RATELIMIT_CHECK, check(), deadline=4.9)
            assert not client._kafka.crowded
    with_client(test)


def test_more_than_the_bound_is_refused_at_once(with_client: Run, stack: Stack) -> None:
    async def test(client: hlidka.Client) -> None:
        stack.tool("kill", "ratelimit", "STOP")
        try:
            calls = [asyncio.create_task(client.call(ops.RATELIMIT_CHECK, check(), deadline=0.3)) for _ in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(hlidka.Full):
                await client.call(ops.RATELIMIT_CHECK, check())
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(r, hlidka.NoAnswer) for r in results)
        finally:
            stack.tool("kill", "ratelimit", "CONT")
    with_client(test, in_flight_max=3)


def test_a_deadline_is_kept_and_the_same_id_asks_again(with_client: Run, stack: Stack) -> None:
    async def test(client: hlidka.Client) -> None:
        body = check()
        stack.tool("kill", "ratelimit", "STOP")
        try:
            begun = time.monotonic()
            with pytest.raises(hlidka.NoAnswer) as silent:
                await within(1.0, client.call(ops.RATELIMIT_CHECK, body, deadline=0.5))
            assert time.monotonic() - begun > 0.45
            assert client.stats().in_flight == 0
        finally:
            stack.tool("kill", "ratelimit", "CONT")
        decision = await client.call(ops.RATELIMIT_CHECK, body, deadline=2.0, id=silent.value.id)
        again = await client.call(ops.RATELIMIT_CHECK, body, deadline=2.0, id=silent.value.id)
        assert again == decision
        assert lessons_left(await client.call(ops.RATELIMIT_CHECK, body)) == 28     # one effect of all of those
        with pytest.raises(refusals.Conflict):
            await client.call(ops.RATELIMIT_CHECK, check(), deadline=1.0, id=silent.value.id)
    with_client(test)


def test_a_killed_service_costs_time_and_not_the_answer(with_client: Run, stack: Stack) -> None:
    async def test(client: hlidka.Client) -> None:
        await client.call(ops.AUTH_SESSION_INTROSPECT, NOBODY)
        stack.tool("kill", "auth", "KILL")
        call = asyncio.create_task(client.call(ops.AUTH_SESSION_INTROSPECT, NOBODY, deadline=20))
        await asyncio.sleep(0.2)
        assert not call.done()
        await asyncio.to_thread(stack.tool, "start", "auth")
        assert (await call)["active"] is False
        assert client.stats().resends >= 1
    with_client(test)


def test_cancelling_leaves_nothing_behind(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        call = asyncio.create_task(client.call(ops.RATELIMIT_CHECK, check()))
        await asyncio.sleep(0)
        assert client.stats().in_flight == 1
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client.stats().in_flight == 0
        await until(lambda: client.stats().ignored_unasked >= 1)        # its answer comes and is nobody's
    with_client(test)


def test_forged_replies_are_ignored_and_counted(with_client: Run, stack: Stack) -> None:
    people = read_principals(Path(stack.env["HLIDKA_PRINCIPALS"]))
    edge = OwnKey.of(read_secrets(stack.key("edge"))[0])
    backend, service = (next(iter(people[name])) for name in ("backend", "ratelimit"))

    def forge(id: bytes, **changes: Any) -> bytes:
        """edge seals to backend what says that everything is allowed."""
        _, tx = sodium.crypto_kx_server_session_keys(edge.public, edge.secret, people["backend"][backend])
        header = {"id": wire.uuid7(hlidka.now_ms(), os.urandom(10)), "re": id, "op": "ratelimit.check", "src": "ratelimit",
                  "dst": "backend", "skid": service, "dkid": backend, "ts": hlidka.now_ms(), "nonce": os.urandom(24)}
        return wire.seal({**header, **changes}, wire.pack({"status": 200, "result": {"allowed": True, "forged": True}}), tx, None)

    async def test(client: hlidka.Client) -> None:
        stack.tool("kill", "ratelimit", "STOP")
        try:
            call = asyncio.create_task(client.call(ops.RATELIMIT_CHECK, check(), deadline=4.5))
            await asyncio.sleep(0)
            (id,) = client._waiting
            producer = Producer({"bootstrap.servers": stack.env["HLIDKA_BROKERS"]})
            for value in (forge(id, src="edge", skid=edge.id),      # as itself: not whom we asked
                          forge(id, skid=edge.id),                  # as the service, with a key that is not its
                          forge(id),                                # as the service, with its key's id
                          forge(id, op="ratelimit.reset"), forge(id, dst="edge"),
                          forge(bytes(16)),                         # to nothing that was asked
                          b"\xc1 not even a frame"):
                producer.produce(client._reply_topic, value, partition=client._partition)
            assert producer.flush(5) == 0

            def seen() -> tuple[int, ...]:
                s = client.stats()
                return (s.ignored_mismatched, s.ignored_unknown_key, s.ignored_not_authentic, s.ignored_unasked,
                        s.ignored_malformed)
            await until(lambda: sum(seen()) >= 7, 3)
            assert seen() == (3, 1, 1, 1, 1)
            assert not call.done()
        finally:
            stack.tool("kill", "ratelimit", "CONT")
        assert "forged" not in await call
    with_client(test)


def test_events_arrive_in_their_order(with_client: Run, stack: Stack) -> None:
    async def test(client: hlidka.Client) -> None:
        user, begun = someone(), hlidka.now_ms()
        for n in range(50):
            assert client.event({"type": "app.lesson.created", "time": hlidka.now_ms(), "outcome": "success", "user_id": user,
                                 "attrs": {"number": n}})
        assert client._n == 50
        async with await stack.client("ops") as auditor:
            events = await recorded(auditor, user, begun, 50)
        assert [e["attrs"]["number"] for e in events] == list(range(49, -1, -1))
        assert all(e["src"] == "backend" for e in events)
        assert (client.stats().events, client.stats().events_dropped) == (50, 0)
    with_client(test)


def test_events_never_block_and_drops_are_counted(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        begun = time.monotonic()
        taken = 0
        for _ in range(2000):
            taken += client.event({"type": "app.noise", "time": hlidka.now_ms(), "outcome": "success", "user_id": "u-noise"})
        assert time.monotonic() - begun < 2
        stats = client.stats()
        assert stats.events == taken
        assert stats.events_dropped == 2000 - taken > 0
        assert client._n == 2000            # the numbers of the dropped are used up: audit sees the gap
    # A linger longer than the test: nothing leaves while the queue fills.
    with_client(test, events_max=100, properties={"linger.ms": 3000})


def test_the_trace_is_carried(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        mine = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        hlidka.traceparent.set(mine)
        await client.call(ops.RATELIMIT_CHECK, check())
        with pytest.raises(hlidka.InvalidCall):
            await client.call(ops.RATELIMIT_CHECK, check(), trace="not a trace")
    with_client(test)


def test_closing_ends_calls_and_lets_events_leave(stack: Stack) -> None:
    async def test() -> None:
        user, begun = someone(), hlidka.now_ms()
        client = await stack.client()
        stack.tool("kill", "ratelimit", "STOP")
        try:
            call = asyncio.create_task(client.call(ops.RATELIMIT_CHECK, check(), deadline=5))
            await asyncio.sleep(0)
            client.event({"type": "app.last", "time": hlidka.now_ms(), "outcome": "success", "user_id": user})
            closing = time.monotonic()
            await client.close()
            await client.close()
            assert time.monotonic() - closing < 4
            with pytest.raises(hlidka.Closed):
                await call
        finally:
            stack.tool("kill", "ratelimit", "CONT")
        with pytest.raises(hlidka.Closed):
            await client.call(ops.RATELIMIT_CHECK, check())
        with pytest.raises(hlidka.Closed):
            client.event({"type": "app.last", "time": begun, "outcome": "success"})
        async with await stack.client("ops") as auditor:
            assert (await recorded(auditor, user, begun, 1))[0]["type"] == "app.last"
    asyncio.run(test())


def test_without_brokers_open_says_so(stack: Stack) -> None:
    async def test() -> None:
        with pytest.raises(hlidka.BadConfig):
            await stack.client(brokers="127.0.0.1:1", timeout=1.0)
    asyncio.run(test())
