"""Webhooks as dependencies."""
from __future__ import annotations

import httpx
from hlidka.webhooks import STRIPE_HEADER, TELEGRAM_HEADER
from web import STRIPE, TELEGRAM_SECRET, is_problem, unconnected


def test_webhooks_need_their_signature_and_no_session() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        assert (await client.post("/hooks/telegram", json={}, headers={TELEGRAM_HEADER: TELEGRAM_SECRET})).json() == {"ok": True}
        for headers in ({}, {TELEGRAM_HEADER: TELEGRAM_SECRET + "x"}):
            is_problem(await client.post("/hooks/telegram", json={}, headers=headers), 401, "bad_signature")
        body = b'{"id": "evt_1"}'
        signed = {STRIPE_HEADER: STRIPE.sign(body)}
        assert (await client.post("/hooks/stripe", content=body, headers=signed)).json() == {"size": len(body)}
        is_problem(await client.post("/hooks/stripe", content=body, headers=signed), 409, "replayed")
        is_problem(await client.post("/hooks/stripe", content=body + b" ", headers=signed), 401, "bad_signature")
        is_problem(await client.post("/hooks/stripe", content=body), 401, "bad_signature")
    unconnected(test)
