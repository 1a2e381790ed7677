"""What a call can end with instead of a result. Refusals by code are in refusals.py."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class HlidkaError(Exception):
    """The base of all of them."""


class BadConfig(HlidkaError):
    """Files or brokers: nothing can be sent at all."""


class Unreachable(BadConfig):
    """No broker answered, or not with what is needed, while opening; the files are good."""


class InvalidCall(HlidkaError, ValueError):
    """Not a request that could be sent: op, body, size, deadline, trace or id."""


class Full(HlidkaError):
    """Too many calls in flight; nothing was sent."""


class Closed(HlidkaError):
    """The client is closed. A call in flight may still take effect."""


class NoAnswer(HlidkaError, TimeoutError):
    """No answer within the deadline; the op may have taken effect, or may yet.

    `id` asks again for the same thing: `client.call(op, same_body, id=error.id)`, up to 15 minutes after the first time
    (ratelimit: 5 seconds), has no second effect and gets the first answer.
    """

    def __init__(self, op: str, id: bytes) -> None:
        super().__init__(f"{op}: no answer within the deadline")
        self.op, self.id = op, id


class Refused(HlidkaError):
    """The service answered, with a status other than 200 (PROTOCOL.md section 3)."""

    def __init__(self, op: str, status: int, error: Mapping[str, Any]) -> None:
        self.op, self.status = op, status
        self.code = str(error.get("code", ""))
        self.title = str(error.get("title", ""))
        self.detail: str | None = error.get("detail")
        self.retry_after_ms: int | None = error.get("retry_after_ms")
        self.errors: list[dict[str, str]] = list(error.get("errors", ()))
        fields = "".join(f"; {e.get('pointer')}: {e.get('code')}" for e in self.errors)
        super().__init__(f"{op}: {status} {self.code}{fields}")
