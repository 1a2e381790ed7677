"""What a limit counts, and what its reply says of it."""
from __future__ import annotations

from typing import Any

import httpx
from conftest import Stack
from hlidka.fastapi import Hlidka
from played import HEADERS, active, always, auth_says, decision, run, until
from standin import Asked, StandIn, ok
from web import BEARER, is_problem
from world import Run, World


def test_thirty_lessons_an_hour_each_with_its_headers(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as there, w.browser() as other:
            await w.login(there)
            await w.login(other)
            for n in range(30):
                reply = await there.post("/lessons")
                assert reply.status_code == 200
                assert f'"lessons-free";r={29 - n};' in reply.headers["ratelimit"]
                assert '"lessons-free";q=30;w=3600' in reply.headers["ratelimit-policy"]
                assert "retry-after" not in reply.headers
            over = await there.post("/lessons")
            document = is_problem(over, 429, "rate_limited")
            assert '"lessons-free";r=0;' in over.headers["ratelimit"]
            assert 3500 <= int(over.headers["retry-after"]) <= 3600
            assert 0 < document["retry_after_ms"] <= 3_600_000
            assert '"lessons-free";r=29;' in (await other.post("/lessons")).headers["ratelimit"]
    world(test)


def test_two_limits_are_two_lists_in_one(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as there:
            await w.login(there)
            reply = await there.get("/public")
            assert reply.json()["user_id"]
            assert '"search-query";r=9' in reply.headers["ratelimit"]
            assert '"chat-free";r=19' in reply.headers["ratelimit"]
            # by address alone, where nobody is signed in
            async with w.browser() as stranger:
                reply = await stranger.get("/public")
                assert reply.json() == {"user_id": None}
                assert '"api-ip";r=' in reply.headers["ratelimit"]
                assert "search-query" not in reply.headers["ratelimit"]
    world(test)


def test_a_refused_reply_has_its_limit_headers_too(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as stranger:
            reply = await stranger.post("/lessons", headers={"Authorization": "Bearer hls_" + "A" * 64})
            is_problem(reply, 401, "invalid_token")
            assert reply.headers["ratelimit"]
    world(test)


def test_a_limit_counts_whom_the_session_says_and_not_whom_it_was(stack: Stack) -> None:
    sessions = [active(), active(tier="premium"), active(user_id="u-2")]
    charged = iter(range(100))

    def limits(asked: Asked) -> dict[str, Any]:
        if asked.op == "ratelimit.refund":
            return ok(refunded=True)
        return decision(decision_id=f"d-{next(charged)}", headers={"RateLimit": str(asked.body["user_id"] + asked.body["tier"])})

    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        for name in ("u-1free", "u-1premium", "u-2free"):
            reply = await client.post("/lessons", headers=BEARER)
            assert reply.headers["ratelimit"] == name
        await until(lambda: there.times("ratelimit.refund") == 2)
        checks = [a.body for a in there.asked if a.op == "ratelimit.check"]
        assert [(c["user_id"], c["tier"]) for c in checks] == [("u-1", "free"), ("u-1", "free"), ("u-1", "premium"),
                                                               ("u-1", "premium"), ("u-2", "free")]
        refunds = [a.body["decision_id"] for a in there.asked if a.op == "ratelimit.refund"]
        assert refunds == ["d-1", "d-3"]
        assert all(c["ip"] == "192.0.2.7" for c in checks)
    run(stack, lambda _: sessions.pop(0), limits, test)


def test_a_request_refused_before_its_limit_is_not_charged_for_it(stack: Stack) -> None:
    sessions = [active(), active(), ok(active=False), ok(active=False)]

    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        for _n in range(2):
            assert (await client.post("/orders", headers=BEARER)).status_code == 200
        before = there.times("ratelimit.refund")
        for _n in range(2):
            reply = await client.post("/orders", headers=BEARER)
            is_problem(reply, 401, "invalid_token")
            assert "ratelimit" not in reply.headers
        # all that was charged for them has been given back
        await until(lambda: there.times("ratelimit.check") - 2 == there.times("ratelimit.refund") - before > 0)
    run(stack, lambda _: sessions.pop(0), lambda a: decision() if a.op == "ratelimit.check" else ok(refunded=True), test)


def test_a_limit_named_twice_is_charged_and_shown_once(stack: Stack) -> None:
    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        for n in (1, 2):
            reply = await client.get("/twice", headers=BEARER)
            assert reply.headers["ratelimit"] == HEADERS["RateLimit"]
            assert there.times("ratelimit.check") == n
    run(stack, auth_says(active()), always(decision()), test)
