"""The web kit against the real services: logins, cookies, devices, limits."""
from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import hlidka
import httpx
import pytest
from conftest import Stack
from hlidka import ops, pending
from hlidka.fastapi import Hlidka, Settings
from web import SITE, browser, has_security_headers, init_data, is_problem, make, signed_by_telegram, somewhere, totp

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


class World:
    """One app on the stack, browsers for it, and people with Telegram."""

    def __init__(self, stack: Stack, kit: Hlidka, app: Any) -> None:
        self.kit, self._app = kit, app
        self.bot_token = Path(stack.env["HLIDKA_TELEGRAM_TOKEN_FILE"]).read_text().strip()

    def browser(self, **options: Any) -> httpx.AsyncClient:
        return browser(self._app, somewhere(), headers={"User-Agent": FIREFOX, **SITE}, **options)

    def fields(self, id: int | None = None, at: int | None = None) -> dict[str, str | int]:
        return signed_by_telegram(self.bot_token, id or uuid.uuid4().int % 10**15 + 1, at)

    async def login(self, there: httpx.AsyncClient, id: int | None = None) -> dict[str, Any]:
        # Of one id two logins of the same second are one login: each says a second less than the one before.
        reply = await there.post("/auth/login/telegram/widget", json={"fields": self.fields(id, self._when(id))})
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    _last: dict[int | None, int] = {}       # noqa: RUF012

    def _when(self, id: int | None) -> int:
        self._last[id] = self._last.get(id, int(time.time()) + 1) - 1
        return self._last[id]


Test = Callable[[World], Awaitable[None]]


@pytest.fixture
def world(stack: Stack) -> Callable[[Test], None]:
    def run(test: Test) -> None:
        async def whole() -> None:
            app, kit = make(Settings(**stack.bus()))
            async with asyncio.timeout(60), kit:
                await test(World(stack, kit, app))
        asyncio.run(whole())
    return run


Run = Callable[[Test], None]


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


async def a_step_with_time_left() -> int:
    """TOTP's step of now, with enough of it to come for a test."""
    late = time.time() % 30
    await asyncio.sleep(30 - late if late > 24 else 0)
    return int(time.time()) // 30


def test_a_second_factor_from_enrolment_to_its_end(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as there:
            async def post(path: str, **body: str) -> httpx.Response:
                return await there.post(f"/auth/{path}", json=body)
            id = uuid.uuid4().int % 10**15 + 1
            await w.login(there, id)
            is_problem(await post("totp/verify", code="123456"), 403, "mfa_enrollment_required")
            enrolment = (await post("totp/enroll", label="Žofie")).json()
            secret = enrolment["secret"]
            assert enrolment["uri"].startswith("otpauth://totp/")
            assert "<svg" in enrolment["qr_svg"]
            step = await a_step_with_time_left()
            before = there.cookies["__Host-hlidka"]
            is_problem(await post("totp/activate", code=totp(secret, step + 100)), 401, "invalid_code")

            active = await post("totp/activate", code=totp(secret, step - 1))
            codes = active.json()["backup_codes"]
            assert len(set(codes)) == 10
            assert active.json()["session"]["aal"] == 2
            after = there.cookies["__Host-hlidka"]
            assert after != before
            assert after not in active.text
            assert "HttpOnly; SameSite=Strict" in active.headers["set-cookie"]
            is_problem(await there.get("/auth/session", headers={"Authorization": f"Bearer {before}"}), 401, "invalid_token")
            is_problem(await post("totp/enroll"), 409, "already_enrolled")

            await w.login(there, id)
            here = (await there.get("/auth/session")).json()
            assert (here["aal"], here["second_factor"]) == (1, "totp")
            is_problem(await post("totp/verify", code=totp(secret, step - 1)), 401, "code_already_used")
            assert (await post("totp/verify", code=totp(secret, step))).json()["aal"] == 2
            assert (await there.get("/auth/session")).json()["aal"] == 2

            await w.login(there, id)
            used = await post("backup-codes/verify", code=codes[0].lower())
            assert (used.json()["remaining"], used.json()["session"]["aal"]) == (9, 2)
            is_problem(await post("backup-codes/verify", code=codes[0]), 401, "code_already_used")
            fresh = (await post("backup-codes/regenerate", code=codes[1])).json()["backup_codes"]
            assert not set(fresh) & set(codes)

            assert (await post("totp/disable", code=totp(secret, step + 1))).json() == {}
            here = (await there.get("/auth/session")).json()
            assert (here["aal"], here["second_factor"]) == (1, "none")
    world(test)


def test_a_payment_method_needs_a_second_factor_shown_lately(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as there:
            id = uuid.uuid4().int % 10**15 + 1
            await w.login(there, id)
            is_problem(await there.post("/payment-methods"), 403, "mfa_enrollment_required")
            secret = (await there.post("/auth/totp/enroll", json={})).json()["secret"]
            step = await a_step_with_time_left()
            await there.post("/auth/totp/activate", json={"code": totp(secret, step - 1)})
            assert (await there.post("/payment-methods")).status_code == 200
            await w.login(there, id)
            reply = await there.post("/payment-methods")
            assert is_problem(reply, 403, "mfa_required")["required_aal"] == 2
            assert 'error="insufficient_user_authentication"' in reply.headers["www-authenticate"]
            await there.post("/auth/totp/verify", json={"code": totp(secret, step)})
            assert (await there.post("/payment-methods")).status_code == 200
    world(test)


def test_guessing_codes_closes_the_door_for_a_while(world: Run) -> None:
    async def test(w: World) -> None:
        async with w.browser() as there:
            await w.login(there)
            secret = (await there.post("/auth/totp/enroll", json={})).json()["secret"]
            step = await a_step_with_time_left()
            await there.post("/auth/totp/activate", json={"code": totp(secret, step)})
            for _ in range(5):
                is_problem(await there.post("/auth/totp/verify", json={"code": totp(secret, step + 99)}), 401, "invalid_code")
            shut = await there.post("/auth/totp/verify", json={"code": totp(secret, step + 1)})
            is_problem(shut, 429, "too_many_attempts")
            assert 0 < int(shut.headers["retry-after"]) <= 60
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
            assert 3590 <= int(over.headers["retry-after"]) <= 3600
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


def test_the_trace_of_a_request_goes_on_to_hlidka(world: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    send = hlidka.Client._send

    def watched(self: hlidka.Client, request: pending.Request, ttl: float) -> None:
        seen.append(request.trace)
        send(self, request, ttl)
    monkeypatch.setattr(hlidka.Client, "_send", watched)
    mine = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    async def test(w: World) -> None:
        async with w.browser() as there:
            await w.login(there)
            seen.clear()
            await there.get("/auth/session", headers={"traceparent": mine})
            assert set(seen) == {mine}
            seen.clear()
            for wrong in ("not one", mine.upper(), mine + "-" + "0" * 64):
                assert (await there.get("/auth/session", headers={"traceparent": wrong})).status_code == 200
            assert set(seen) == {None}
    world(test)


def test_reports_of_the_content_policy_reach_audit_without_queries(world: Run, stack: Stack) -> None:
    page = f"https://app.mluv.me/{uuid.uuid4()}"
    old = {"csp-report": {"document-uri": f"{page}?token=x", "blocked-uri": "https://evil.example/x.js?a=b",
                          "effective-directive": "script-src", "disposition": "report"}}
    new = [{"type": "csp-violation",
            "body": {"documentURL": page, "blockedURL": "inline", "effectiveDirective": "style-src-attr"}},
           {"type": "deprecation", "body": {}}]

    async def test(w: World) -> None:
        begun = hlidka.now_ms()
        async with w.browser() as there:
            async def send(body: object, type: str) -> httpx.Response:
                return await there.post("/csp-reports", content=json.dumps(body), headers={"Content-Type": type})
            assert (await send(old, "application/csp-report")).status_code == 204
            assert (await send(new, "application/reports+json")).status_code == 204
            nonsense: object
            for nonsense in (None, 1, "x", {}, [[]], {"csp-report": {"document-uri": "http://[", "blocked-uri": 7}}):
                assert (await send(nonsense, "application/csp-report")).status_code == 204
            is_problem(await send(old, "application/json"), 415, "unsupported_media_type")
            is_problem(await send(["x" * 70_000], "application/reports+json"), 413, "too_large")
            body = ops.AuditQueryRequest({"from": begun - 1000, "to": begun + 60_000, "type": "app.csp.violation"})
            async with await stack.client("ops") as auditor, asyncio.timeout(15):
                mine: list[Any] = []
                while len(mine) < 2:
                    found = (await auditor.call(ops.AUDIT_QUERY, body))["events"]
                    mine = [e["attrs"] for e in found if page[:64] == e["attrs"]["page"]]
                    await asyncio.sleep(0.1)
        assert mine[1] == {"directive": "script-src", "blocked": "https://evil.example/x.js", "page": page[:64],
                           "disposition": "report"}
        assert (mine[0]["directive"], mine[0]["blocked"]) == ("style-src-attr", "inline")
    world(test)


def test_columns_and_recordings_refusals_are_problems(world: Run) -> None:
    """What an endpoint lets through of the client's exceptions keeps its status and code."""
    async def test(w: World) -> None:
        @w._app.get("/recording")       # type: ignore[untyped-decorator]
        async def recording() -> None:
            await w.kit.client.audio.stat(str(uuid.uuid4()))
        async with w.browser() as there:
            is_problem(await there.get("/recording"), 404, "not_found")
    world(test)
