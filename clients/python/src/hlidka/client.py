"""A principal on the bus, for asyncio: ask a service and get its one answer, send events to audit."""
from __future__ import annotations

import asyncio
import contextvars
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from . import columns, wire
from .audio import Audio
from .clock import now_ms
from .errors import Closed, Full, InvalidCall, Refused
from .kafka import Kafka
from .keys import Keyring
from .op import Op
from .ops import AuditEvent
from .pending import Desk, Pending, Request, Stats

Body = TypeVar("Body")
Result = TypeVar("Result")

DEADLINE_MAX_S = 900.0
TTL_MAX_S = (60.0, 5.0)         # that services take; ratelimit
CROWD = 8                       # calls in flight from which on the loop empties the queue itself
NODE = os.urandom(4).hex()      # client.id of this process

TRACE = re.compile(r"[0-9a-f-]{1,64}")

# W3C traceparent of what this task is doing; calls and events carry it unless they are given their own.
traceparent: contextvars.ContextVar[str | None] = contextvars.ContextVar("hlidka.traceparent", default=None)


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
        self._stats = Stats()
        self._desk = Desk(self._loop, self._stats, self._send)
        self._waiting = self._desk.waiting
        self._envelopes: dict[str, tuple[wire.Envelope, bytes]] = {}      # by op: and the key that seals
        self._burst: list[tuple[str, bytes, bytes]] = []
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
            for pending in list(self._waiting.values()):
                pending.fail(Closed(f"{pending.op}: the client is closing"))
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
        pending = self.begin(op, body, deadline=deadline, trace=trace, id=id)
        try:
            return await pending
        finally:
            pending.leave()

    def begin(self, op: Op[Body, Result], body: Body, *, deadline: float = 5.0, trace: str | None = None,
              id: bytes | None = None) -> Pending[Result]:
        """`call` in two steps: what it gives back is awaited when the result is needed, so that several cost one round trip.

        Not awaited it ends by itself, at its deadline.
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
        given = cast(Mapping[str, Any], body)
        key = wire.request_key(op.service, given) or os.urandom(8)
        pending = Pending[Result](self._desk, Request(op, id, key, self._packed(given), _trace(trace)), deadline)
        self._stats.calls += 1
        return pending

    def _packed(self, body: Mapping[str, Any]) -> bytes:
        try:
            return wire.pack(body)
        except (TypeError, ValueError, OverflowError) as e:
            raise InvalidCall(f"body: {e}") from e

    def _parties(self, dst: str) -> tuple[bytes, bytes, bytes]:
        """Our key's id, the id of theirs, and the key that seals to them."""
        own, peer = self._keyring.sending, self._keyring.first_of(dst)
        pair = self._keyring.shared(dst, peer, own.id) if peer is not None else None
        if peer is None or pair is None:
            raise InvalidCall(f"no such principal: {dst}")
        return own.id, peer, pair[1]

    def _envelope(self, op: Op[Any, Any]) -> tuple[wire.Envelope, bytes]:
        skid, dkid, tx = self._parties(op.service)
        envelope = wire.Envelope(op=op.name, src=self._principal, dst=op.service, skid=skid, dkid=dkid,
                                 reply=[self._reply_topic, self._partition])
        self._envelopes[op.name] = envelope, tx
        return envelope, tx

    def _send(self, request: Request, ttl: float) -> None:
        op = request.op
        if self._keyring.refresh():
            self._envelopes.clear()
        envelope, tx = self._envelopes.get(op.name) or self._envelope(op)
        nonce, ttl_max = os.urandom(24), TTL_MAX_S[op.service == "ratelimit"]
        head = envelope.head(request.id, now_ms(), nonce, max(1, int(min(ttl, ttl_max) * 1000)), request.trace)
        try:
            value = wire.sealed(head, nonce, request.body, tx, self._keyring.signer if op.signed else None)
        except wire.Malformed as e:
            raise InvalidCall(str(e)) from e
        message = f"{self._prefix}{op.service}.requests", request.key, value
        if not self._kafka.crowded:
            self._kafka.request(*message)
        else:
            if not self._burst:
                self._loop.call_soon(self._leave)
            self._burst.append(message)

    def _leave(self) -> None:
        """What a turn of a busy loop has asked goes to librdkafka together, and so in few requests to the brokers."""
        burst, self._burst = self._burst, []
        for message in burst:
            self._kafka.request(*message)

    # ---- answers ------------------------------------------------------------------------------------------------

    def _received(self, value: bytes, with_queue: bool) -> None:
        """On the reading thread."""
        try:
            self._loop.call_soon_threadsafe(self._take_first, value, with_queue)
        except RuntimeError:
            return          # the loop has been closed without us: nobody waits any more

    def _take_first(self, value: bytes, with_queue: bool) -> None:
        try:
            self._take(value)
        finally:
            if with_queue:
                self._take_more()
            else:
                self._kafka.crowded = len(self._waiting) >= CROWD
                self._kafka.serve_reports()

    def _take_more(self) -> None:
        """Once a turn of the loop while there is something; a busy loop needs no thread to wake it."""
        values: list[bytes] = []
        try:
            if self._closing is None:
                values = self._kafka.more()
            for value in values:
                self._take(value)
        finally:
            if values:
                self._loop.call_soon(self._take_more)
            else:
                self._kafka.listen(len(self._waiting) >= CROWD)

    def _take(self, value: bytes) -> None:
        """The rules of PROTOCOL.md section 3, in that order: `re` is compared before anything is opened."""
        try:
            reply = wire.Reply(value)
        except wire.Malformed:
            self._stats.ignored_malformed += 1
            return
        pending = self._waiting.get(reply.re)
        if pending is None:
            self._stats.ignored_unasked += 1
            return
        if reply.op != pending.op or reply.src != pending.service or reply.dst != self._principal:
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
        pending.take(answer)

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
        self._keyring.refresh()
        skid, dkid, tx = self._parties("audit")
        header = {"id": wire.uuid7(now_ms(), os.urandom(10)), "op": "event", "src": self._principal, "dst": "audit", "skid": skid,
                  "dkid": dkid, "ts": now_ms(), "nonce": os.urandom(24), "n": [self._instance, self._n]}
        trace = _trace(trace)
        if trace:
            header["trace"] = trace
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


def _trace(given: str | None) -> str | None:
    trace = traceparent.get() if given is None else given
    if not trace:
        return None
    if not TRACE.fullmatch(trace):
        raise InvalidCall("trace: a W3C traceparent")
    return trace
