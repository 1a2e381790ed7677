"""What the web kit does when Hlídka is away, slow or wrong: never a wrong yes, never a hung request."""
from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import hlidka
import httpx
import pytest
from conftest import Stack
from hlidka import Unreachable
from hlidka.fastapi import Hlidka, Settings
from hlidka.fastapi import kit as kit_module
from played import DEADLINE, QUICK, active, always, auth_says, decision, run, until
from standin import Asked, StandIn, ok, refused
from timing import within
from web import BEARER, SITE, TOKEN, browser, is_problem, make


@pytest.mark.parametrize("answer", [None, refused(503, "unavailable"), refused(503, "unavailable", retry_after_ms=60_000)],
                         ids=["silent", "503", "503 for long"])
def test_without_auth_no_session_is_taken_for_good(stack: Stack, answer: dict[str, Any] | None) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        for method, path in (("POST", "/lessons"), ("POST", "/payment-methods"), ("GET", "/auth/session"), ("GET", "/public"),
                             ("POST", "/orders"), ("POST", "/drafts"), ("DELETE", "/auth/sessions")):
            reply = await within(DEADLINE * 2 + 0.5, client.request(method, path, headers=BEARER))
            is_problem(reply, 503, "unavailable")
            assert int(reply.headers["retry-after"]) >= 1
    run(stack, always(answer), always(decision()), test, **QUICK)


@pytest.mark.parametrize("answer", [None, refused(503, "unavailable")], ids=["silent", "503"])
def test_without_ratelimit_each_limit_does_as_it_was_told(stack: Stack, answer: dict[str, Any] | None) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        is_problem(await within(DEADLINE + 0.5, client.post("/lessons", headers=BEARER)), 503, "unavailable")
        reply = await within(DEADLINE + 0.5, client.post("/drafts", headers=BEARER))
        assert reply.json() == {"user_id": "u-1"}
        assert "ratelimit" not in reply.headers
        assert (await client.get("/auth/session", headers=BEARER)).status_code == 200
    run(stack, auth_says(active()), always(answer), test, limit_deadline=DEADLINE)


def test_without_auth_a_limit_that_may_be_waived_still_counts_the_address(stack: Stack) -> None:
    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        reply = await client.post("/drafts", headers=BEARER)
        is_problem(reply, 429, "rate_limited")
        assert reply.headers["retry-after"] == "7"
        assert there.asked[-1].body == {"endpoint": "lessons.create", "cost": 1, "ip": "192.0.2.7"}
    run(stack, always(refused(503, "unavailable")), always(decision(False)), test, session_deadline=DEADLINE)


def test_a_limit_is_not_waived_because_too_much_is_in_flight(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise hlidka.Full("too many calls in flight")

    async def test(client: httpx.AsyncClient, _: StandIn, kit: Hlidka) -> None:
        monkeypatch.setattr(kit.client, "begin", full)
        is_problem(await client.post("/drafts"), 503, "unavailable")
        is_problem(await client.post("/drafts", headers=BEARER), 503, "unavailable")
    run(stack, auth_says(active()), always(decision()), test)


@pytest.mark.parametrize(("headers", "cleared"), [({"Cookie": f"__Host-hlidka={TOKEN}"}, True), (BEARER, False)])
def test_logging_out_takes_the_cookie_though_nobody_can_end_the_session(stack: Stack, headers: dict[str, str],
                                                                        cleared: bool) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        reply = await client.post("/auth/logout", headers=headers)
        is_problem(reply, 503, "unavailable")
        gone = "__Host-hlidka=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
        assert reply.headers.get_list("set-cookie") == ([gone] if cleared else [])
        assert reply.headers["retry-after"]
    run(stack, always(None), always(decision()), test, **QUICK)


def test_a_reply_to_somebody_is_not_stored_unless_it_says_so(stack: Stack) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        for headers in (BEARER, {}):
            assert (await client.get("/public", headers=headers)).headers["cache-control"] == "no-store"
        assert (await client.get("/auth/session", headers=BEARER)).headers.get_list("cache-control") == ["no-store"]
        assert "cache-control" not in (await client.get("/page", headers=BEARER)).headers
    run(stack, auth_says(active()), always(decision()), test)


def test_the_setting_is_for_limits_that_were_told_nothing(stack: Stack) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        assert (await client.post("/lessons", headers=BEARER)).status_code == 200
    run(stack, auth_says(active()), always(None), test, limits_away="allow", limit_deadline=DEADLINE)


def test_a_limit_is_not_waived_because_a_defect_refuses_it(stack: Stack) -> None:
    """`away` is about an answer that cannot be had; that we may not ask is a defect, and says so."""
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        is_problem(await client.post("/drafts", headers=BEARER), 500, "internal")
    run(stack, auth_says(active()), always(refused(403, "forbidden")), test)


def test_an_answer_that_comes_too_late_is_no_answer_and_hurts_no_other(stack: Stack) -> None:
    late, deadline = True, 1.0              # the last answer is to come within it

    def slow(asked: Asked) -> dict[str, Any] | None:
        if not late:
            return ok(active=False)
        threading.Timer(deadline * 1.5, lambda: place[0].reply(asked, active())).start()
        return None
    place: list[StandIn] = []

    async def test(client: httpx.AsyncClient, there: StandIn, kit: Hlidka) -> None:
        nonlocal late
        place.append(there)
        is_problem(await within(deadline + 0.4, client.get("/auth/session", headers=BEARER)), 503, "unavailable")
        late = False
        await until(lambda: kit.client.stats().ignored_unasked >= 1)
        is_problem(await client.get("/auth/session", headers=BEARER), 401, "invalid_token")
    run(stack, slow, always(decision()), test, session_deadline=deadline)


def test_without_brokers_the_app_starts_and_says_503(stack: Stack) -> None:
    async def test() -> None:
        app, kit = make(Settings(**stack.bus() | {"brokers": "127.0.0.1:1"}, open_timeout=0.3))
        begun = time.monotonic()
        async with kit, browser(app, headers=SITE) as client:
            assert time.monotonic() - begun < 3
            for path in ("/lessons", "/drafts", "/payment-methods"):
                is_problem(await within(1, client.post(path, headers=BEARER)), 503, "unavailable")
            assert (await client.get("/page")).status_code == 200
    asyncio.run(test())


def test_it_connects_when_the_brokers_come(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0
    real = hlidka.Client.open

    async def third_time(*args: Any, **options: Any) -> hlidka.Client:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Unreachable("not yet")
        return await real(*args, **options)
    monkeypatch.setattr(hlidka.Client, "open", third_time)
    monkeypatch.setattr(kit_module, "REOPEN_S", 0.05)

    async def test() -> None:
        app, kit = make(Settings(**stack.bus()))
        async with asyncio.timeout(30), kit, browser(app) as client:
            is_problem(await client.get("/auth/session", headers=BEARER), 503, "unavailable")
            while (await client.get("/auth/session", headers=BEARER)).status_code == 503:
                await asyncio.sleep(0.05)
            is_problem(await client.get("/auth/session", headers=BEARER), 401, "invalid_token")
    asyncio.run(test())


def test_bad_files_do_not_start(stack: Stack, tmp_path: Path) -> None:
    async def test() -> None:
        with pytest.raises(hlidka.BadConfig):
            async with make(Settings(**stack.bus() | {"key": tmp_path / "nothing"}))[1]:
                pass
    asyncio.run(test())
