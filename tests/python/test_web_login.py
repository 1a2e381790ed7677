"""Logins, cookies, devices and logging out, against the real services."""
from __future__ import annotations

import re
import time
import uuid
from typing import Any

import httpx
from conftest import Stack
from hlidka import ops
from hlidka.fastapi import Hlidka
from played import RISEN, always, decision, run
from standin import StandIn, ok
from web import has_security_headers, init_data, is_problem
from world import Run, World


def test_a_login_sets_a_cookie_that_scripts_and_other_sites_cannot_have(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as there:
            reply = await there.post("/auth/login/telegram/widget", json={"fields": w.fields(), "device_id": "d-1"})
            assert reply.status_code == 200
            (cookie,) = reply.headers.get_list("set-cookie")
            value, *attributes = cookie.split("; ")
            assert re.fullmatch(r"__Host-hlidka=hls_[A-Za-z0-9_-]{64}", value)
            assert attributes == ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=15552000"]
            assert "hls_" not in reply.text
            assert reply.json().keys() == {"user_id", "telegram_id", "session_id", "aal", "expires_at", "second_factor",
                                           "new_device"}
            assert reply.headers["cache-control"] == "no-store"
            assert reply.headers["ratelimit"]
            has_security_headers(reply)
            here = (await there.get("/auth/session")).json()
            assert here["user_id"] == reply.json()["user_id"]
            assert (here["aal"], here["tier"], here["device_type"]) == (1, "free", "web")
            assert "token" not in here
    world(test)


def test_logins_that_telegram_did_not_sign_are_refused(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as there:
            async def attempt(fields: dict[str, Any]) -> httpx.Response:
                return await there.post("/auth/login/telegram/widget", json={"fields": fields})
            once = w.fields()
            assert (await attempt(once)).status_code == 200
            is_problem(await attempt(once), 409, "replayed")
            for spoilt in (w.fields() | {"id": 1}, w.fields() | {"hash": "0" * 64}, {"id": 1}):
                reply = await attempt(spoilt)
                is_problem(reply, 401, "bad_signature")
                assert "set-cookie" not in reply.headers
            is_problem(await attempt(w.fields(at=int(time.time()) - 2 * 86_400)), 401, "stale_auth")
            more = {"fields": w.fields(), "admin": True}
            is_problem(await there.post("/auth/login/telegram/widget", json=more), 400, "invalid_request")
    world(test)


def test_the_device_list_and_signing_out_of_each(world: Run) -> None:
    async def test(w: World) -> None:
        id = uuid.uuid4().int % 10**15 + 1
        async with w.browser() as here, w.browser() as there, w.browser() as stranger:
            mine, other = await w.login(here, id), await w.login(there, id)
            theirs = await w.login(stranger)
            listed = (await here.get("/auth/sessions")).json()["sessions"]
            assert {s["session_id"]: s["current"] for s in listed} == {mine["session_id"]: True, other["session_id"]: False}
            assert {s["device_info"] for s in listed} == {"Firefox 145 on Linux"}
            assert all(s["ip"].startswith("198.1") for s in listed)

            # another person's session is as if it were not there, and lives on
            is_problem(await here.delete(f"/auth/sessions/{theirs['session_id']}"), 404, "not_found")
            is_problem(await here.delete(f"/auth/sessions/{uuid.uuid4()}"), 404, "not_found")
            is_problem(await here.delete("/auth/sessions/1"), 400, "invalid_request")
            assert (await stranger.get("/auth/session")).status_code == 200

            assert (await here.delete(f"/auth/sessions/{other['session_id']}")).json() == {"revoked": True}
            is_problem(await there.get("/auth/session"), 401, "invalid_token")
            is_problem(await here.delete(f"/auth/sessions/{other['session_id']}"), 404, "not_found")
            gone = await here.delete(f"/auth/sessions/{mine['session_id']}")
            assert "Max-Age=0" in gone.headers["set-cookie"]
            is_problem(await here.get("/auth/session"), 401, "missing_token")
    world(test)


def test_signing_out_everywhere_and_of_all_others(world: Run) -> None:
    async def test(w: World) -> None:
        id = uuid.uuid4().int % 10**15 + 1
        async with w.browser() as a, w.browser() as b, w.browser() as c:
            for there in (a, b, c):
                await w.login(there, id)
            kept = await a.delete("/auth/sessions", params={"keep_current": True})
            assert kept.json() == {"revoked": 2}
            assert "set-cookie" not in kept.headers
            is_problem(await b.get("/auth/session"), 401, "invalid_token")
            assert (await a.get("/auth/session")).status_code == 200
            everywhere = await a.delete("/auth/sessions")
            assert everywhere.json() == {"revoked": 1}
            assert "Max-Age=0" in everywhere.headers["set-cookie"]
            assert not a.cookies
    world(test)


def test_logging_out_ends_the_session_and_takes_the_cookie(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as there:
            await w.login(there)
            token = there.cookies["__Host-hlidka"]
            reply = await there.post("/auth/logout")
            assert reply.json() == {"revoked": True}
            (cookie,) = reply.headers.get_list("set-cookie")
            assert cookie == "__Host-hlidka=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
            is_problem(await there.get("/auth/session", headers={"Authorization": f"Bearer {token}"}), 401, "invalid_token")
            for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Cookie": f"__Host-hlidka={token}"}):
                assert (await there.post("/auth/logout", headers=headers)).json() == {"revoked": False}
    world(test)


def test_a_token_in_the_header_does_as_well(world: Run) -> None:
    async def test(w: World) -> None:
        body: ops.AuthLoginTelegramWidgetRequest = {"fields": w.fields(), "device": {"type": "ios", "info": "iPhone"}}
        session = await w.kit.client.call(ops.AUTH_LOGIN_TELEGRAM_WIDGET, body)
        async with w.browser(cookies={}) as there:
            headers = {"Authorization": f"bearer {session['token']}"}
            here = (await there.get("/auth/session", headers=headers)).json()
            assert (here["session_id"], here["device_type"]) == (session["session_id"], "ios")
            gone = await there.delete("/auth/sessions", headers=headers)
            assert gone.json() == {"revoked": 1}
            assert "set-cookie" not in gone.headers
    world(test)


def test_a_mini_app_carries_its_token_itself(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as there:
            data = init_data(w.bot_token, uuid.uuid4().int % 10**15 + 1)
            reply = await there.post("/auth/login/telegram/webapp", json={"init_data": data})
            assert reply.status_code == 200, reply.text
            assert not there.cookies
            headers = {"Authorization": f"Bearer {reply.json()['token']}"}
            assert (await there.get("/auth/session", headers=headers)).json()["device_type"] == "telegram"
            is_problem(await there.post("/auth/login/telegram/webapp", json={"init_data": data + "0"}), 401, "bad_signature")
    world(test)


def test_a_web_app_login_answers_with_the_token_and_sets_no_cookie(stack: Stack) -> None:
    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        reply = await client.post("/auth/login/telegram/webapp", json={"init_data": "user=…&hash=…", "device_id": "d-1"})
        assert reply.json()["token"] == RISEN["token"]
        assert "set-cookie" not in reply.headers
        assert "cookie" not in reply.json()
        (asked,) = [a.body for a in there.asked if a.op == "auth.login.telegram_webapp"]
        assert asked["init_data"] == "user=…&hash=…"
        assert (asked["device"]["type"], asked["device"]["id"], asked["device"]["ip"]) == ("telegram", "d-1", "192.0.2.7")
        (counted,) = [a.body for a in there.asked if a.op == "ratelimit.check"]
        assert counted == {"endpoint": "auth.login", "cost": 1, "ip": "192.0.2.7"}
    run(stack, always(ok(**RISEN)), always(decision()), test)


def test_logins_beyond_their_limit_do_not_reach_auth(stack: Stack) -> None:
    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        reply = await client.post("/auth/login/telegram/widget", json={"fields": {"id": 1}})
        is_problem(reply, 429, "rate_limited")
        assert reply.headers["retry-after"] == "7"
        assert there.times("auth.login.telegram_widget") == 0
    run(stack, always(ok(**RISEN)), always(decision(allowed=False)), test)
