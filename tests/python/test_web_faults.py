"""What the web kit does when Hlídka is away, slow, wrong, or played by somebody else: never a wrong yes, never a hung request.

Services are played by a stand-in (standin.py), so that each answer comes when and as the test wants it.
"""
from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import hlidka
import httpx
import pytest
from conftest import Stack
from hlidka import Unreachable
from hlidka.fastapi import Hlidka, Settings
from hlidka.fastapi import kit as kit_module
from hlidka.keys import OwnKey, read_principals, read_secrets
from nacl import bindings as sodium
from standin import Answer, Asked, StandIn, ok, refused
from timing import within
from web import SITE, browser, is_problem, make

TOKEN = "hls_" + "A" * 64
BEARER = {"Authorization": f"Bearer {TOKEN}"}
DEADLINE = 0.5

HEADERS = {"RateLimit": '"p";r=1;t=1', "RateLimit-Policy": '"p";q=2;w=60'}


def active(**changes: Any) -> dict[str, Any]:
    return ok(**{"active": True, "user_id": "u-1", "session_id": "s-1", "device_type": "web", "aal": 1, "second_factor": "none",
                 "auth_time": 1, "created_at": 1, "last_activity": 1, "expires_at": 2, "roles": [], "tier": "free", **changes})


def decision(allowed: object = True, **changes: Any) -> dict[str, Any]:
    denied = {} if allowed else {"Retry-After": "7"}
    return ok(**{"decision_id": "d-1", "allowed": allowed, "retry_after_ms": 0 if allowed else 6500, "limits": [],
                 "headers": HEADERS | denied, "source": "store", **changes})


def auth_says(session: dict[str, Any] | None, other: dict[str, Any] | None = None) -> Answer:
    return lambda asked: session if asked.op == "auth.session.introspect" else other


def always(answer: dict[str, Any] | None) -> Answer:
    return lambda _: answer


Test = Callable[[httpx.AsyncClient, StandIn, Hlidka], Awaitable[None]]


def run(stack: Stack, auth: Answer, ratelimit: Answer, test: Test, *, remember: bool = True, **more: Any) -> None:
    async def whole(there: StandIn) -> None:
        deadlines: dict[str, Any] = {"session_deadline": DEADLINE, "limit_deadline": DEADLINE, "op_deadline": DEADLINE}
        app, kit = make(Settings(**stack.bus() | {"prefix": there.prefix} | deadlines | more))
        async with asyncio.timeout(60), kit, browser(app, headers=SITE) as client:
            await there.warm(kit.client)
            await test(client, there, kit)
    with StandIn(stack, {"auth": auth, "ratelimit": ratelimit}, remember=remember) as there:
        asyncio.run(whole(there))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.02)


# ---- one round trip -----------------------------------------------------------------------------------------------

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
            reply = await within(DEADLINE, client.post("/payment-methods", headers=BEARER))
            assert reply.json() == {"user_id": "u-1"}
            assert reply.headers["ratelimit"] == HEADERS["RateLimit"]
        assert there.times("auth.session.introspect") == there.times("auth.authorize") == there.times("ratelimit.check") == 4
    run(stack, answer, answer, test)


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


# ---- away and slow ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("answer", [None, refused(503, "unavailable"), refused(503, "unavailable", retry_after_ms=60_000)],
                         ids=["silent", "503", "503 for long"])
def test_without_auth_no_session_is_taken_for_good(stack: Stack, answer: dict[str, Any] | None) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        for method, path in (("POST", "/lessons"), ("POST", "/payment-methods"), ("GET", "/auth/session"), ("GET", "/public"),
                             ("POST", "/orders"), ("POST", "/drafts"), ("DELETE", "/auth/sessions")):
            reply = await within(DEADLINE * 2 + 0.5, client.request(method, path, headers=BEARER))
            is_problem(reply, 503, "unavailable")
            assert int(reply.headers["retry-after"]) >= 1
    run(stack, always(answer), always(decision()), test)


@pytest.mark.parametrize("answer", [None, refused(503, "unavailable")], ids=["silent", "503"])
def test_without_ratelimit_each_limit_does_as_it_was_told(stack: Stack, answer: dict[str, Any] | None) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        is_problem(await within(DEADLINE + 0.5, client.post("/lessons", headers=BEARER)), 503, "unavailable")
        reply = await within(DEADLINE + 0.5, client.post("/drafts", headers=BEARER))
        assert reply.json() == {"user_id": "u-1"}
        assert "ratelimit" not in reply.headers
        assert (await client.get("/auth/session", headers=BEARER)).status_code == 200
    run(stack, auth_says(active()), always(answer), test)


def test_without_auth_a_limit_that_may_be_waived_still_counts_the_address(stack: Stack) -> None:
    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        reply = await client.post("/drafts", headers=BEARER)
        is_problem(reply, 429, "rate_limited")
        assert reply.headers["retry-after"] == "7"
        assert there.asked[-1].body == {"endpoint": "lessons.create", "cost": 1, "ip": "192.0.2.7"}
    run(stack, always(refused(503, "unavailable")), always(decision(False)), test)


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
    run(stack, always(None), always(decision()), test)


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
    run(stack, auth_says(active()), always(None), test, limits_away="allow")


def test_a_limit_is_not_waived_because_a_defect_refuses_it(stack: Stack) -> None:
    """`away` is about an answer that cannot be had; that we may not ask is a defect, and says so."""
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        is_problem(await client.post("/drafts", headers=BEARER), 500, "internal")
    run(stack, auth_says(active()), always(refused(403, "forbidden")), test)


def test_an_answer_that_comes_too_late_is_no_answer_and_hurts_no_other(stack: Stack) -> None:
    late = True

    def slow(asked: Asked) -> dict[str, Any] | None:
        if not late:
            return ok(active=False)
        threading.Timer(DEADLINE * 1.5, lambda: place[0].reply(asked, active())).start()
        return None
    place: list[StandIn] = []

    async def test(client: httpx.AsyncClient, there: StandIn, kit: Hlidka) -> None:
        nonlocal late
        place.append(there)
        is_problem(await within(DEADLINE + 0.4, client.get("/auth/session", headers=BEARER)), 503, "unavailable")
        late = False
        await until(lambda: kit.client.stats().ignored_unasked >= 1)
        is_problem(await client.get("/auth/session", headers=BEARER), 401, "invalid_token")
    run(stack, slow, always(decision()), test)


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


# ---- forged -------------------------------------------------------------------------------------------------------

def test_what_another_principal_says_is_not_believed(stack: Stack) -> None:
    """auth is silent, and edge answers in its place, as well as edge can."""
    people = read_principals(Path(stack.env["HLIDKA_PRINCIPALS"]))
    edge = OwnKey.of(read_secrets(stack.key("edge"))[0])
    place: list[StandIn] = []

    def forge(asked: Asked) -> None:
        h = asked.header
        _, tx = sodium.crypto_kx_server_session_keys(edge.public, edge.secret, people["backend"][h["skid"]])
        yes = {"auth.session.introspect": active(), "auth.authorize": ok(allow=True)}.get(asked.op, decision())
        for changes in ({}, {"skid": edge.id}, {"src": "edge", "skid": edge.id}, {"op": "auth.user.get"}, {"re": bytes(16)}):
            place[0].reply(asked, yes, tx, **changes)
        place[0].reply(asked, yes, os.urandom(32))

    async def test(client: httpx.AsyncClient, there: StandIn, kit: Hlidka) -> None:
        place.append(there)
        for path in ("/lessons", "/payment-methods", "/orders"):
            is_problem(await within(DEADLINE * 2 + 0.5, client.post(path, headers=BEARER)), 503, "unavailable")
        stats = kit.client.stats()
        assert min(stats.ignored_not_authentic, stats.ignored_mismatched, stats.ignored_unknown_key, stats.ignored_unasked) > 0
        assert stats.answered == 2          # those of warming up
    run(stack, forge, forge, test)


@pytest.mark.parametrize(("nonsense", "status", "code"), [
    (ok(), 500, "internal"), (ok(active=True), 500, "internal"), (ok(active=True, user_id="u-1"), 500, "internal"),
    (active(active="yes"), 401, "invalid_token"), (active(active=1), 401, "invalid_token"),
    (active(active=None), 401, "invalid_token")])
def test_an_answer_that_makes_no_sense_is_no_session(stack: Stack, nonsense: dict[str, Any], status: int, code: str) -> None:
    """An authentic service of another version, or with a defect."""
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        is_problem(await client.post("/orders", headers=BEARER), status, code)
    run(stack, always(nonsense), always(decision()), test)


@pytest.mark.parametrize("allowed", ["false", "yes", 1, None, [False]])
def test_an_answer_that_makes_no_sense_is_no_allowance(stack: Stack, allowed: object) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        for path in ("/orders", "/drafts"):
            is_problem(await client.post(path, headers=BEARER), 429, "rate_limited")
    run(stack, auth_says(active()), always(decision(allowed)), test)


# ---- step-up ------------------------------------------------------------------------------------------------------

CHALLENGE = 'Bearer realm="hlidka", error="insufficient_user_authentication", acr_values="aal2"'


@pytest.mark.parametrize(("verdict", "status", "code", "challenge"), [
    ({"allow": False, "reason": "mfa_required", "required_aal": 2, "max_age_s": 600}, 403, "mfa_required",
     CHALLENGE + ', max_age="600"'),
    ({"allow": False, "reason": "reauth_required", "required_aal": 2}, 403, "reauth_required", CHALLENGE),
    ({"allow": False, "reason": "mfa_enrollment_required", "required_aal": 2}, 403, "mfa_enrollment_required", None),
    ({"allow": False, "reason": "mfa_locked"}, 403, "mfa_locked", None),
    ({"allow": False, "reason": "forbidden"}, 403, "forbidden", None),
    ({"allow": False, "reason": "invalid_token"}, 401, "invalid_token", 'Bearer realm="hlidka", error="invalid_token"'),
    ({"allow": False}, 403, "forbidden", None), ({"allow": 1}, 403, "forbidden", None)])
def test_what_step_up_asks_for(stack: Stack, verdict: dict[str, Any], status: int, code: str, challenge: str | None) -> None:
    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        document = is_problem(await client.post("/payment-methods", headers=BEARER), status, code)
        reply = await client.post("/payment-methods", headers=BEARER)
        assert reply.headers.get("www-authenticate") == challenge
        assert document.get("max_age_s") == verdict.get("max_age_s")
        (asked, *_more) = [a.body for a in there.asked if a.op == "auth.authorize"]
        assert asked == {"token": TOKEN, "action": "payment_method.add"}
    run(stack, auth_says(active(), ok(**verdict)), always(decision()), test)


def test_step_up_needs_the_session_and_the_verdict(stack: Stack) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        is_problem(await client.post("/payment-methods", headers=BEARER), 401, "invalid_token")
        is_problem(await client.post("/payment-methods"), 401, "missing_token")
    run(stack, auth_says(ok(active=False), ok(allow=True)), always(decision()), test)


# ---- second factors -------------------------------------------------------------------------------------------------

RISEN = {"user_id": "u-1", "session_id": "s-1", "token": "hls_" + "B" * 64, "aal": 2, "aal2_time": 5, "expires_at": 9,
         "second_factor": "totp", "new_device": False,
         "cookie": "__Host-hlidka=hls_" + "B" * 64 + "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=60"}
CODES = [f"{n:04}-AAAA-BBBB-CCCC" for n in range(10)]


@pytest.mark.parametrize(("path", "body", "op", "asked", "result", "shown"), [
    ("totp/enroll", {"label": "Žofie"}, "auth.totp.enroll", {"label": "Žofie"},
     {"secret": "S" * 32, "uri": "otpauth://totp/x", "qr_svg": "<svg/>"}, {"secret": "S" * 32, "qr_svg": "<svg/>"}),
    ("totp/activate", {"code": "123456"}, "auth.totp.activate", {"code": "123456"}, {"session": RISEN, "backup_codes": CODES},
     {"backup_codes": CODES}),
    ("totp/verify", {"code": "123456"}, "auth.totp.verify", {"code": "123456"}, RISEN, {"aal": 2, "session_id": "s-1"}),
    ("totp/disable", {"code": "123456"}, "auth.totp.disable", {"code": "123456"}, {}, {}),
    ("backup-codes/verify", {"code": CODES[0]}, "auth.backup_code.verify", {"code": CODES[0]}, {"session": RISEN, "remaining": 9},
     {"remaining": 9}),
    ("backup-codes/regenerate", {"code": "123456"}, "auth.backup_code.regenerate", {"code": "123456"}, {"backup_codes": CODES},
     {"backup_codes": CODES})])
@pytest.mark.parametrize("by", ["cookie", "bearer"])
def test_the_second_factor_by_the_services_names(stack: Stack, path: str, body: dict[str, str], op: str, asked: dict[str, str],
                                                 result: dict[str, Any], shown: dict[str, Any], by: str) -> None:
    async def test(client: httpx.AsyncClient, there: StandIn, _: Hlidka) -> None:
        headers = BEARER if by == "bearer" else {"Cookie": f"__Host-hlidka={TOKEN}"}
        reply = await client.post(f"/auth/{path}", json=body, headers=headers)
        assert reply.status_code == 200, reply.text
        assert [a.body for a in there.asked if a.op == op] == [{"token": TOKEN, **asked}]
        assert shown.items() <= reply.json().items()
        # a new token goes where the old one was, and nowhere else
        risen = result.get("session", result).get("token") is not None
        assert reply.headers.get("set-cookie") == (RISEN["cookie"] if risen and by == "cookie" else None)
        assert (("hls_" + "B" * 64) in reply.text) is (risen and by == "bearer")
        assert reply.headers["cache-control"] == "no-store"
    run(stack, auth_says(active(), ok(**result)), always(decision()), test)


@pytest.mark.parametrize(("status", "code", "more"), [
    (401, "invalid_code", {}), (401, "code_already_used", {}), (403, "mfa_enrollment_required", {}), (403, "mfa_locked", {}),
    (409, "already_enrolled", {}), (429, "too_many_attempts", {"retry_after_ms": 30_001})])
def test_a_refused_code_is_the_services_problem_document(stack: Stack, status: int, code: str, more: dict[str, Any]) -> None:
    async def test(client: httpx.AsyncClient, _: StandIn, __: Hlidka) -> None:
        reply = await client.post("/auth/totp/verify", json={"code": "123456"}, headers=BEARER)
        document = is_problem(reply, status, code)
        assert "set-cookie" not in reply.headers
        if more:
            assert reply.headers["retry-after"] == "31"
            assert document["retry_after_ms"] == 30_001
    run(stack, auth_says(active(), refused(status, code, **more)), always(decision()), test)


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


# ---- memory -------------------------------------------------------------------------------------------------------

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
        assert kit.client.stats().in_flight == 0
        assert len(kit.known._of) <= 100
        await until(lambda: not kit._aside)
    run(stack, auth, lambda a: decision() if a.op == "ratelimit.check" else ok(refunded=True), test, remember=False,
        session_deadline=0.3)
