"""An app whose services a stand-in plays (standin.py), so that each answer comes when and as the test wants it."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from conftest import Stack
from hlidka.fastapi import Hlidka, Settings
from standin import Answer, StandIn, ok
from web import SITE, browser, make

DEADLINE = 0.5                          # of who is silent, or says 503: the test waits for it
PATIENT = 4.9                           # of all others: a quarter of it goes by before a copy is sent, which a test would count
QUICK: dict[str, Any] = {"session_deadline": DEADLINE, "limit_deadline": DEADLINE, "op_deadline": DEADLINE}
HEADERS = {"RateLimit": '"p";r=1;t=1', "RateLimit-Policy": '"p";q=2;w=60'}
RISEN = {"user_id": "u-1", "session_id": "s-1", "token": "hls_" + "B" * 64, "aal": 2, "aal2_time": 5, "expires_at": 9,
         "second_factor": "totp", "new_device": False,
         "cookie": "__Host-hlidka=hls_" + "B" * 64 + "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=60"}


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
        deadlines: dict[str, Any] = dict.fromkeys(QUICK, PATIENT)
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
