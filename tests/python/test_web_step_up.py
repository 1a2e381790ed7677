"""What an action asks for that not every session may do."""
from __future__ import annotations

from typing import Any

import httpx
import pytest
from conftest import Stack
from hlidka.fastapi import Hlidka
from played import active, always, auth_says, decision, run
from standin import StandIn, ok
from web import BEARER, TOKEN, is_problem

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
