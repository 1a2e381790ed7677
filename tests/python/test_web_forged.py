"""Answers of somebody else, and answers that make no sense: nobody's session and no allowance."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Stack
from hlidka.fastapi import Hlidka
from hlidka.keys import OwnKey, read_principals, read_secrets
from nacl import bindings as sodium
from played import DEADLINE, QUICK, active, always, auth_says, decision, run
from standin import Asked, StandIn, ok
from timing import within
from web import BEARER, is_problem


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
    run(stack, forge, forge, test, **QUICK)


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
