"""A principal on the bus, for asyncio: ask a service and get its one answer, send events to audit."""
from __future__ import annotations

import asyncio
import contextvars
import os
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from . import columns, wire
from .audio import Audio
from .clock import LOOK_S, boottime, now_ms
from .errors import Closed, Full, HlidkaError, InvalidCall, NoAnswer, Refused
from .kafka import Kafka
from .keys import Keyring
from .op import Op
from .ops import AuditEvent
from .refusals import BY_CODE, Unavailable

Body = TypeVar("Body")
Result = TypeVar("Result")

DEADLINE_MAX_S = 900.0
PATIENCE_S = (0.2, 2.0)         # how long a copy is waited for before the next is sent: a quarter of the deadline, within
BACKOFF_S = (0.1, 2.0)          # after a 503 without its own hint
WORTH_S = 0.02                  # what must be left for a send to have a chance
CLOCK_STEP_S = 0.05             # the wire counts in ms, and a message takes a while to be judged
NODE = os.urandom(4).hex()      # client.id of this process

TRACE = re.compile(r"[0-9a-f-]{1,64}")

# W3C traceparent of what this task is doing; calls and events carry it unless they are given their own.
traceparent: contextvars.ContextVar[str | None] = contextvars.ContextVar("hlidka.traceparent", default=None)


@dataclass(slots=True)
class Stats:
    calls: int = 0
    answered: int = 0
    timeouts: int = 0
    resends: int = 0
    in_flight: int = 0
    undelivered: int = 0                # requests that no broker took within their time
    events: int = 0                     # handed to the brokers' queue
    events_dropped: int = 0             # not: the queue was full, or nobody took them; audit sees the gap
    ignored_malformed: int = 0          # values on our partition that were no answer for us:
    ignored_unasked: int = 0            #   to nothing that waits (a neighbour's, or a second copy)
    ignored_mismatched: int = 0         #   src, dst or op not the request's
    ignored_unknown_key: int = 0
    ignored_not_authentic: int = 0


@dataclass(slots=True)
class _Waiting:
    op: str
    dst: str
    answer: asyncio.Future[dict[str, Any]]


class Client:
    """One per process and event loop; made by `await Client.open(…)`, ended by `await client.close()` or `async with`.

        async with await hlidka.Client.open(brokers, "backend", "principals.yaml", "backend.key") as client:
            decision = await client.call(ops.RATELIMIT_CHECK, {"user_id": "u-1", "endpoint": "lessons.create"})
            client.event({"type": "app.lesson.created", "time": hlidka.now_ms(), "outcome": "success"})

    Its methods are called on the loop that opened it. It does not survive a fork: open it in the worker.
    """

    def __init__(self, kafka: Kafka, keyring: Keyring, principal: str, prefix: str, in_flight_max: int) -> None:
        self._kafka, self._keyring, self._principal, self._prefix = kafka, keyring, principal, prefix
        self._reply_topic, self._partition = f"{prefix}replies.{principal}", 0
        self._in_flight_max = in_flight_max
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[bytes, _Waiting] = {}
        self._stats = Stats()
        self._instance, self._n = os.urandom(8), 0
        self._closing: asyncio.Task[None] | None = None
        self.audio = Audio(self)

    @classmethod
    async def open(cls, brokers: str, principal: str, principals: str | Path, key: str | Path, *,
                   sign: str | Path | None = None, prefix: str = "hlidka.", in_flight_max: int = 4096,
                   events_max: int = 10_000, timeout: float = 15.0,
                   properties: Mapping[str, Any] | None = None) -> Client:
        """Reads the files and waits until answers can come; BadConfig otherwise, within about twice `timeout` seconds;
        its Unreachable when the files are good and the brokers do not answer.

        `sign` is the <principal>.sign of ops that must be signed. `properties` are librdkafka's and have the last word.
        """
        keyring = Keyring(principal, Path(principals), Path(key), None if sign is None else Path(sign))
        kafka = Kafka(brokers, f"{principal}-{NODE}", events_max, properties or {})
        client = cls(kafka, keyring, principal, prefix, in_flight_max)
        try:
            client._partition = await asyncio.to_thread(kafka.open, client._reply_topic, client._received, timeout)
        except BaseException:
            await asyncio.to_thread(kafka.close, 0.0)
            raise
        return client

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float = 2.0) -> None:
        """Ends every call with Closed and gives events up to `grace` seconds to leave. Repeatable."""
        if self._closing is None:
            for w in self._waiting.values():
                if not w.answer.done():
                    w.answer.set_exception(Closed(f"{w.op}: the client is closing"))
            self._closing = asyncio.create_task(asyncio.to_thread(self._kafka.close, grace))
        await asyncio.shield(self._closing)

    def stats(self) -> Stats:
        """A copy of the counts so far."""
        s = self._stats
        counts = {name: getattr(s, name) for name in Stats.__slots__}
        counts |= {"in_flight": len(self._waiting), "undelivered": self._kafka.undelivered,
                   "events_dropped": s.events_dropped + self._kafka.events_lost}
        return Stats(**counts)

    # ---- asking -------------------------------------------------------------------------------------------------

    async def call(self, op: Op[Body, Result], body: Body, *, deadline: float = 5.0, trace: str | None = None,
                   id: bytes | None = None) -> Result:
        """The op's result within `deadline` seconds, all sends together; else one of the exceptions of errors.py.

        What gets no answer, or a 503, is sent again with the same id: one effect, and the first answer. `id` asks once more
        for what was asked before (NoAnswer.id), with the same op and body. Cancelling stops the waiting, not the service.
        """
        if self._closing is not None:
            raise Closed("the client is closed")
        if not 0 < deadline <= DEADLINE_MAX_S:
            raise InvalidCall(f"deadline: 0 to {DEADLINE_MAX_S} s")
        if len(self._waiting) >= self._in_flight_max:
            raise Full(f"{self._in_flight_max} calls are in flight")
        id = wire.uuid7(now_ms(), os.urandom(10)) if id is None else id
        if len(id) != 16 or id in self._waiting:
            raise InvalidCall("id: 16 bytes, and not one in flight")
        waiting = _Waiting(op.name, op.service, self._loop.create_future())
        self._waiting[id] = waiting
        self._stats.calls += 1
        try:
            return cast(Result, await self._ask(op, cast(Mapping[str, Any], body), id, waiting, deadline, trace))
        finally:
            del self._waiting[id]
            waiting.answer.cancel()

    async def _ask(self, op: Op[Any, Any], body: Mapping[str, Any], id: bytes, waiting: _Waiting, deadline: float,
                   trace: str | None) -> dict[str, Any]:
        window, ttl_max = (5.0, 5.0) if op.service == "ratelimit" else (900.0, 60.0)
        window -= CLOCK_STEP_S + (now_ms() - wire.time_of(id)) / 1000
        begun = boottime()
        ends = begun + deadline
        packed, key = self._packed(body), wire.request_key(op.service, body) or os.urandom(8)
        patience = min(max(deadline / 4, PATIENCE_S[0]), PATIENCE_S[1])
        backoff = BACKOFF_S[0]
        refused: HlidkaError | None = None
        if window <= 0:
            raise InvalidCall("id: too old to be asked again")
        while True:
            now = boottime()
            if now >= ends:         # the machine slept
                self._stats.timeouts += 1
                raise refused or NoAnswer(op.name, id)
            self._send(op, packed, key, id, min(ends - now, ttl_max), trace)
            until = now + patience * random.uniform(0.75, 1.25)
            again = until + WORTH_S <= ends and until < begun + window
            answer = await self._answer_by(waiting, until if again else ends)
            if answer is not None:
                if answer["status"] == 200:
                    return cast(dict[str, Any], answer["result"])
                refused = _refusal(op.name, answer)
                if not isinstance(refused, Unavailable):
                    raise refused
                until = boottime() + max(backoff, (refused.retry_after_ms or 0) / 1000) * random.uniform(1.0, 1.25)
                backoff = min(backoff * 2, BACKOFF_S[1])
                if until + WORTH_S > ends or until >= begun + window:
                    raise refused
                late = await self._answer_by(waiting, until)    # to an earlier copy
                if late is not None and late["status"] == 200:
                    return cast(dict[str, Any], late["result"])
            elif not again:
                self._stats.timeouts += 1
                raise refused or NoAnswer(op.name, id)
            self._stats.resends += 1

    async def _answer_by(self, waiting: _Waiting, when: float) -> dict[str, Any] | None:
        """The next answer, or None when that moment has come; raises Closed."""
        while not waiting.answer.done():
            left = when - boottime()
            if left <= 0:
                return None
            await asyncio.wait((waiting.answer,), timeout=min(left, LOOK_S))
        answer = waiting.answer.result()
        waiting.answer = self._loop.create_future()
        return answer

    def _packed(self, body: Mapping[str, Any]) -> bytes:
        try:
            return wire.pack(body)
        except (TypeError, ValueError, OverflowError) as e:
            raise InvalidCall(f"body: {e}") from e

    def _header(self, op: str, dst: str, id: bytes, trace: str | None) -> tuple[dict[str, Any], bytes]:
        """What requests and events have in common, and the key that seals them."""
        self._keyring.refresh()
        own, peer = self._keyring.sending, self._keyring.first_of(dst)
        pair = self._keyring.shared(dst, peer, own.id) if peer is not None else None
        if peer is None or pair is None:
            raise InvalidCall(f"no such principal: {dst}")
        header = {"id": id, "op": op, "src": self._principal, "dst": dst, "skid": own.id, "dkid": peer,
                  "ts": now_ms(), "nonce": os.urandom(24)}
        trace = traceparent.get() if trace is None else trace
        if trace:
            if not TRACE.fullmatch(trace):
                raise InvalidCall("trace: a W3C traceparent")
            header["trace"] = trace
        return header, pair[1]

    def _send(self, op: Op[Any, Any], packed: bytes, key: bytes, id: bytes, ttl: float, trace: str | None) -> None:
        header, tx = self._header(op.name, op.service, id, trace)
        header["ttl"] = max(1, int(ttl * 1000))
        header["reply"] = [self._reply_topic, self._partition]
        try:
            value = wire.seal(header, packed, tx, self._keyring.signer if op.signed else None)
        except wire.Malformed as e:
            raise InvalidCall(str(e)) from e
        # A full queue is silence: the next copy may find room.
        self._kafka.request(f"{self._prefix}{op.service}.requests", key, value)

    # ---- answers ------------------------------------------------------------------------------------------------

    def _received(self, values: list[bytes]) -> None:
        """On the reading thread."""
        try:
            self._loop.call_soon_threadsafe(self._take_all, values)
        except RuntimeError:
            return          # the loop has been closed without us: nobody waits any more

    def _take_all(self, values: list[bytes]) -> None:
        for value in values:
            self._take(value)

    def _take(self, value: bytes) -> None:
        """The rules of PROTOCOL.md section 3, in that order: `re` is compared before anything is opened."""
        try:
            reply = wire.Reply(value)
        except wire.Malformed:
            self._stats.ignored_malformed += 1
            return
        waiting = self._waiting.get(reply.re)
        if waiting is None or waiting.answer.done():
            self._stats.ignored_unasked += 1
            return
        if (reply.src, reply.dst, reply.op) != (waiting.dst, self._principal, waiting.op):
            self._stats.ignored_mismatched += 1
            return
        pair = self._keyring.shared(reply.src, reply.skid, reply.dkid)
        if pair is None:
            self._stats.ignored_unknown_key += 1
            return
        body = reply.open(pair[0])
        if body is None:
            self._stats.ignored_not_authentic += 1
            return
        answer = _answer(body)
        if answer is None:
            self._stats.ignored_malformed += 1
            return
        self._stats.answered += 1
        waiting.answer.set_result(answer)

    # ---- columns ------------------------------------------------------------------------------------------------

    async def encrypt(self, plaintext: bytes | str, context: Mapping[str, str], *, owner: str | None = None,
                      deadline: float = 5.0) -> bytes:
        """The ciphertext, which opens with the same context alone. A str is checked as text: 5,000 characters at most."""
        kind: columns.Kind = "text" if isinstance(plaintext, str) else "blob"
        data = plaintext.encode() if isinstance(plaintext, str) else plaintext
        return (await columns.encrypt(self, [columns.Plain(data, context)], owner=owner, kind=kind, deadline=deadline))[0]

    async def decrypt(self, ciphertext: bytes, context: Mapping[str, str], *, deadline: float = 5.0) -> bytes:
        """The plaintext; raises DecryptFailed or KeyDestroyed."""
        (opened,) = await columns.decrypt(self, [columns.Sealed(ciphertext, context)], deadline=deadline)
        if isinstance(opened, Refused):
            raise opened
        return opened

    # ---- events -------------------------------------------------------------------------------------------------

    def event(self, event: AuditEvent, *, trace: str | None = None) -> bool:
        """Hands an event to the queue for audit and returns at once. False: the queue is full; dropped and counted.

        It never waits and does not fail for want of brokers; only what could never be sent raises InvalidCall.
        """
        if self._closing is not None:
            raise Closed("the client is closed")
        body = cast(Mapping[str, Any], event)
        packed = self._packed(body)
        header, tx = self._header("event", "audit", wire.uuid7(now_ms(), os.urandom(10)), trace)
        header["n"] = [self._instance, self._n]
        try:
            value = wire.seal(header, packed, tx, None)
        except wire.Malformed as e:
            raise InvalidCall(str(e)) from e
        self._n += 1        # used up whatever becomes of the event: that is how audit notices that one is missing
        taken = self._kafka.event(f"{self._prefix}audit.events", wire.event_key(self._principal, body), value)
        if taken:
            self._stats.events += 1
        else:
            self._stats.events_dropped += 1
        return taken


def _answer(body: bytes) -> dict[str, Any] | None:
    """A reply's body, if it is one."""
    try:
        answer = wire.unpack(body)
    except wire.Malformed:
        return None
    if not isinstance(answer, dict) or not isinstance(answer.get("status"), int):
        return None
    return answer if isinstance(answer.get("result" if answer["status"] == 200 else "error"), dict) else None


def _refusal(op: str, answer: Mapping[str, Any]) -> Refused:
    error: Mapping[str, Any] = answer["error"]
    return BY_CODE.get(str(error.get("code")), Refused)(op, answer["status"], error)
