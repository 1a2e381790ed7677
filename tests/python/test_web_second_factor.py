"""A second factor from its enrolment to its end, and what the services' refusals look like."""
from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import httpx
import pytest
from conftest import Stack
from hlidka.fastapi import Hlidka
from played import RISEN, active, always, auth_says, decision, run
from standin import StandIn, ok, refused
from web import BEARER, TOKEN, is_problem, totp
from world import Run, World


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
