"""A call under way: sent, sent again, answered or given up. A state machine on a timer of the loop, without a task of its own."""
from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from . import wire
from .clock import LOOK_S, boottime, now_ms
from .errors import HlidkaError, InvalidCall, NoAnswer, Refused
from .op import Op
from .refusals import BY_CODE, Unavailable

Result = TypeVar("Result")

PATIENCE_S = (0.2, 2.0)         # how long a copy is waited for before the next is sent: a quarter of the deadline, within
BACKOFF_S = (0.1, 2.0)          # after a 503 without its own hint
WORTH_S = 0.02                  # what must be left for a send to have a chance
CLOCK_STEP_S = 0.05             # the wire counts in ms, and a message takes a while to be judged


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


@dataclass(frozen=True, slots=True)
class Request:
    """What all copies have in common."""
    op: Op[Any, Any]
    id: bytes
    key: bytes
    body: bytes
    trace: str | None


@dataclass(slots=True)
class Desk:
    """What the calls of a client share."""
    loop: asyncio.AbstractEventLoop
    stats: Stats
    send: Callable[[Request, float], None]      # a copy with that many seconds to live; raises InvalidCall
    waiting: dict[bytes, Pending[Any]] = field(default_factory=dict)


class Pending(Generic[Result]):
    """`await` it, more than once and by several: each gets the result or the exception. Cancelling who waits does not end it."""

    __slots__ = ("_again", "_backoff", "_closes", "_desk", "_done", "_due", "_ends", "_error", "_patience", "_refused",
                 "_request", "_resting", "_result", "_timer", "_waiters")

    def __init__(self, desk: Desk, request: Request, deadline: float) -> None:
        now = boottime()
        # How long after its id was made a service takes a request (PROTOCOL.md section 2).
        window = 5.0 if request.op.service == "ratelimit" else 900.0
        self._desk, self._request = desk, request
        self._ends = now + deadline
        self._closes = now + window - CLOCK_STEP_S - (now_ms() - wire.time_of(request.id)) / 1000
        self._patience = min(max(deadline / 4, PATIENCE_S[0]), PATIENCE_S[1])
        self._backoff = BACKOFF_S[0]
        self._refused: HlidkaError | None = None
        self._waiters: tuple[asyncio.Future[None], ...] = ()
        self._timer: asyncio.TimerHandle | None = None
        self._done = False
        if self._closes <= now:
            raise InvalidCall("id: too old to be asked again")
        self._send(now)
        desk.waiting[request.id] = self

    @property
    def op(self) -> str:
        return self._request.op.name

    @property
    def service(self) -> str:
        return self._request.op.service

    def __await__(self) -> Generator[Any, None, Result]:
        if not self._done:
            waiter = self._desk.loop.create_future()
            self._waiters += (waiter,)
            yield from waiter
        if self._error is not None:
            raise self._error
        return cast(Result, self._result)

    # ---- sending, and sending again

    def _send(self, now: float) -> None:
        left = self._ends - now
        self._desk.send(self._request, left)
        until = now + self._patience * random.uniform(0.75, 1.25)
        self._again = until + WORTH_S <= self._ends and until < self._closes
        self._resting = False
        self._wait(until if self._again else self._ends, now)

    def _wait(self, due: float, now: float) -> None:
        self._due = due
        # The loop's clock stands still while the machine sleeps, so no timer is longer than LOOK_S.
        self._timer = self._desk.loop.call_later(min(due - now, LOOK_S), self._look)

    def _look(self) -> None:
        now = boottime()
        if now < self._due:
            return self._wait(self._due, now)
        if now >= self._ends or not (self._again or self._resting):
            self._desk.stats.timeouts += 1
            return self.fail(self._refused or NoAnswer(self.op, self._request.id))
        self._desk.stats.resends += 1
        try:
            self._send(now)
        except InvalidCall as e:        # the keys are others by now
            self.fail(e)

    # ---- answers

    def take(self, answer: Mapping[str, Any]) -> None:
        """An answer to any of the copies."""
        if answer["status"] == 200:
            return self._end(answer["result"], None)
        self._refused = refused = _refusal(self.op, answer)
        if not isinstance(refused, Unavailable):
            return self.fail(refused)
        if self._resting:
            return                      # another copy fared no better
        now = boottime()
        until = now + max(self._backoff, (refused.retry_after_ms or 0) / 1000) * random.uniform(1.0, 1.25)
        self._backoff = min(self._backoff * 2, BACKOFF_S[1])
        if until + WORTH_S > self._ends or until >= self._closes:
            return self.fail(refused)
        self._resting = True
        self._stop_timer()
        self._wait(until, now)

    def fail(self, error: HlidkaError) -> None:
        self._end(None, error)

    def leave(self) -> None:
        """Nobody waits any more. The service may answer what it has, to nobody."""
        if not self._done:
            self.fail(NoAnswer(self.op, self._request.id))

    def _end(self, result: Any, error: HlidkaError | None) -> None:
        self._done, self._result, self._error = True, result, error
        self._stop_timer()
        del self._desk.waiting[self._request.id]
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters = ()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _refusal(op: str, answer: Mapping[str, Any]) -> Refused:
    error: Mapping[str, Any] = answer["error"]
    return BY_CODE.get(str(error.get("code")), Refused)(op, answer["status"], error)
