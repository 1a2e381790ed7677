"""What the client does with what services may answer, and what it signs; services are played by a stand-in."""
from __future__ import annotations

import asyncio
import gc
import struct
import threading
import time
import uuid
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hlidka
import pytest
import yaml
from conftest import Stack
from hlidka import ops, pending, refusals
from nacl import bindings as sodium
from nacl.exceptions import BadSignatureError
from standin import Asked, StandIn, ok, refused
from timing import within

BODY = ops.AuthSessionListRequest(user_id="u-1")
NOTHING = ok(sessions=[])


def served(stack: Stack, answer: Callable[[Asked], dict[str, Any] | None], test: Callable[[hlidka.Client, StandIn], Any],
           principal: str = "backend", **options: Any) -> None:
    async def whole(there: StandIn) -> None:
        async with asyncio.timeout(30), await stack.client(principal, prefix=there.prefix, **options) as client:
            await test(client, there)
    with StandIn(stack, {"auth": answer, "ratelimit": answer}, principal) as there:
        asyncio.run(whole(there))


def in_turn(*answers: dict[str, Any] | None) -> Callable[[Asked], dict[str, Any] | None]:
    """Each once, the last for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_a_503_is_asked_again_as_the_same_request(stack: Stack) -> None:
    async def test(client: hlidka.Client, there: StandIn) -> None:
        begun = time.monotonic()
        assert await client.call(ops.AUTH_SESSION_LIST, BODY, deadline=5) == {"sessions": []}
        assert time.monotonic() - begun >= 0.3          # it waited as long as it was told
        first, second, third = there.asked
        assert first.header["id"] == second.header["id"] == third.header["id"]
        assert first.body == second.body == third.body
        assert len({a.header["nonce"] for a in there.asked}) == 3
        assert second.header["ttl"] < first.header["ttl"] <= 5000
        assert client.stats().resends == 2
    served(stack, in_turn(refused(503, "unavailable"), refused(503, "unavailable", retry_after_ms=200), NOTHING), test)


def test_a_503_to_the_end_is_told_within_the_deadline(stack: Stack) -> None:
    async def test(client: hlidka.Client, there: StandIn) -> None:
        with pytest.raises(refusals.Unavailable):
            await within(1.1, client.call(ops.AUTH_SESSION_LIST, BODY, deadline=1.0))
        assert 2 <= len(there.asked) <= 5
    served(stack, in_turn(refused(503, "unavailable")), test)


def test_a_hint_beyond_the_deadline_is_not_waited_for(stack: Stack) -> None:
    async def test(client: hlidka.Client, there: StandIn) -> None:
        with pytest.raises(refusals.Unavailable) as told:
            await within(2.5, client.call(ops.AUTH_SESSION_LIST, BODY, deadline=5))
        assert told.value.retry_after_ms == 60_000
        assert len(there.asked) == 1
    served(stack, in_turn(refused(503, "unavailable", retry_after_ms=60_000)), test)


@pytest.mark.parametrize(("status", "code"), [(400, "invalid_request"), (401, "invalid_token"), (409, "conflict"),
                                              (429, "too_many_attempts"), (500, "internal"), (418, "of_another_version")])
def test_other_refusals_are_final(stack: Stack, status: int, code: str) -> None:
    async def test(client: hlidka.Client, there: StandIn) -> None:
        with pytest.raises(hlidka.Refused) as told:
            await client.call(ops.AUTH_SESSION_LIST, BODY)
        assert (told.value.status, told.value.code, len(there.asked)) == (status, code, 1)
    served(stack, in_turn(refused(status, code)), test)


@pytest.mark.parametrize("answer", [None, refused(503, "unavailable", retry_after_ms=60_000)], ids=["silent", "503 for long"])
def test_a_sleeping_machine_has_not_stopped_the_clock(stack: Stack, monkeypatch: pytest.MonkeyPatch,
                                                      answer: dict[str, Any] | None) -> None:
    """CLOCK_BOOTTIME jumps ahead as on waking up; the loop's clock has not moved."""
    asleep = 0.0

    def jumping() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) + asleep
    monkeypatch.setattr(pending, "boottime", jumping)

    async def test(client: hlidka.Client, there: StandIn) -> None:
        nonlocal asleep
        call = asyncio.create_task(client.call(ops.AUTH_SESSION_LIST, BODY, deadline=600))
        async with asyncio.timeout(5):
            while not there.asked:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        sent, asleep = len(there.asked), 3600.0
        with pytest.raises(hlidka.NoAnswer if answer is None else refusals.Unavailable):
            await within(3, call)
        await asyncio.sleep(0.3)
        assert len(there.asked) == sent         # nothing more was asked when it was too late
    served(stack, in_turn(answer), test)


def test_what_must_be_signed_is_signed_and_nothing_else(stack: Stack) -> None:
    entry = yaml.safe_load(Path(stack.env["HLIDKA_PRINCIPALS"]).read_text())["principals"]["ops"]
    public = b64decode(entry["signs"][0])

    async def test(client: hlidka.Client, there: StandIn) -> None:
        await client.call(ops.AUTH_USER_UPDATE, ops.AuthUserUpdateRequest(user_id="u-1", disabled=True))
        await client.call(ops.AUTH_SESSION_LIST, BODY)
        signed, plain = there.asked
        assert plain.sig is None
        assert signed.sig is not None
        text = b"hlidka-request-v1\n" + struct.pack(">I", len(signed.head)) + signed.head + signed.box
        assert sodium.crypto_sign_open(signed.sig + text, public) == text
        with pytest.raises(BadSignatureError):
            sodium.crypto_sign_open(signed.sig + text[:-1] + b"\x00", public)
    served(stack, in_turn(ok()), test, "ops", sign=stack.key("ops").with_suffix(".sign"))


def test_a_service_takes_the_signature(with_client: Callable[..., None], stack: Stack) -> None:
    async def test(client: hlidka.Client) -> None:
        body = ops.AuthUserImportRequest(user_id=f"u-{uuid.uuid4()}")
        assert await client.call(ops.AUTH_USER_IMPORT, body) == {}
    with_client(test, principal="ops", sign=stack.key("ops").with_suffix(".sign"))


def test_what_was_begun_can_be_awaited_by_several_and_cancelled_by_each_alone(stack: Stack) -> None:
    gate = threading.Event()

    def answer(_: Asked) -> dict[str, Any]:
        gate.wait(5)
        return NOTHING

    async def test(client: hlidka.Client, there: StandIn) -> None:
        asked = client.begin(ops.AUTH_SESSION_LIST, BODY, deadline=5)
        assert client.stats().in_flight == 1

        async def wait() -> ops.AuthSessionListResult:
            return await asked
        one, other = asyncio.create_task(wait()), asyncio.create_task(wait())
        await asyncio.sleep(0)
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
        gate.set()
        assert await other == await asked == {"sessions": []}
        assert (client.stats().in_flight, len(there.asked)) == (0, 1)
    served(stack, answer, test)


def test_what_was_begun_and_never_awaited_ends_at_its_deadline(stack: Stack) -> None:
    async def test(client: hlidka.Client, there: StandIn) -> None:
        asked = client.begin(ops.AUTH_SESSION_LIST, BODY, deadline=0.3)
        await asyncio.sleep(0.5)
        assert (client.stats().in_flight, client.stats().timeouts) == (0, 1)
        for _ in range(2):
            with pytest.raises(hlidka.NoAnswer):
                await asked
    served(stack, in_turn(None), test)


def test_a_later_copys_refusal_ends_the_waiting_after_a_503(stack: Stack) -> None:
    """Two copies are out when the first answer comes: a 503, which would be waited for; the second is final."""
    place: list[StandIn] = []

    def answer(asked: Asked) -> dict[str, Any] | None:
        if sum(a.header["id"] == asked.header["id"] for a in place[0].asked) == 2:
            place[0].reply(asked, refused(503, "unavailable", retry_after_ms=2000))
            place[0].reply(asked, refused(401, "invalid_token"))
        return None

    async def test(client: hlidka.Client, there: StandIn) -> None:
        place.append(there)
        with pytest.raises(refusals.InvalidToken):
            await within(2.5, client.call(ops.AUTH_SESSION_LIST, BODY, deadline=5))
        assert len(there.asked) == 2
    served(stack, answer, test)


def test_an_answered_call_leaves_no_cycle(stack: Stack) -> None:
    """What only the garbage collector frees, it frees in pauses."""
    async def test(client: hlidka.Client, there: StandIn) -> None:
        await client.call(ops.AUTH_SESSION_LIST, BODY)
        gc.collect()
        gc.disable()
        try:
            for _ in range(5):
                await client.call(ops.AUTH_SESSION_LIST, BODY)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = [o for o in gc.garbage if type(o).__module__.startswith("hlidka") or isinstance(o, asyncio.Future)]
            assert left == []
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    served(stack, in_turn(NOTHING), test)
