"""The innermost middleware: what is refused before the app sees it, and the request's Exchange with Hlídka."""
import logging
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..client import traceparent
from .exchange import KEY, Exchange
from .kit import Hlidka
from .problems import Problem
from .session import bearer
from .settings import Settings

log = logging.getLogger("hlidka.fastapi")

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})       # RFC 9110 section 9.2.1
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")     # W3C Trace Context section 3.2
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")


def cross_site(connection: HTTPConnection, origins: tuple[str, ...]) -> bool:
    """Whether a browser sends this on behalf of a page that is not ours: by Sec-Fetch-Site, else by Origin.

    Neither: no browser of this decade, or no browser. With a cookie that is refused; without, nothing is to be gained.
    """
    headers = connection.headers
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin in origins or site in ("same-origin", "none"):
        return False
    if site is None and origin is not None:
        return origin.partition("://")[2] != headers.get("host")
    return site is not None or "cookie" in headers


def objection(scope: Scope, settings: Settings) -> Problem | None:
    connection = HTTPConnection(scope)
    headers = connection.headers
    writes = scope["type"] == "websocket" or scope["method"] not in SAFE
    if writes and bearer(connection) is None and cross_site(connection, settings.origins):
        return Problem(403, "cross_site", "Requests from other sites are refused")
    if any(name in headers for name in OVERRIDES):
        return Problem(400, "method_override", "The method is the one of the request line")
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > settings.body_max:
        return _too_large(settings.body_max)
    return None


def _too_large(body_max: int) -> Problem:
    return Problem(413, "too_large", "The request is too large", max_bytes=body_max)


class Guard:
    def __init__(self, app: ASGIApp, kit: Hlidka) -> None:
        self._app, self._kit = app, kit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        problem = objection(scope, self._kit.settings)
        if problem is not None:
            return await _refuse(problem, scope, receive, send)
        exchange = scope[KEY] = Exchange(self._kit, scope)
        trace = traceparent.set(_trace(exchange.connection))
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add(exchange, message)
            await send(message)

        try:
            await self._app(scope, _bounded(receive, self._kit.settings.body_max), sending)
        except Exception:
            # Answered here, where the headers of the outer layers still go on it; raised on, for the server's log.
            if not started and scope["type"] == "http":
                await _refuse(Problem(500, "internal", "A defect on our side"), scope, receive, sending)
            raise
        finally:
            exchange.end()
            traceparent.reset(trace)


def _trace(connection: HTTPConnection) -> str | None:
    """The caller's trace goes on to Hlídka, its events and its logs; what is none is left out (section 4.3)."""
    given = connection.headers.get("traceparent", "")
    return given if TRACEPARENT.fullmatch(given) else None


def _add(exchange: Exchange, message: Message) -> None:
    """Several limits become one list, as RFC 9651 has it; of Retry-After the first."""
    headers = MutableHeaders(scope=message)
    for name, value in exchange.headers:
        there = headers.get(name)
        if there is None:
            headers[name] = value
        elif name.lower() != "retry-after":
            headers[name] = f"{there}, {value}"


def _bounded(receive: Receive, body_max: int) -> Receive:
    """A body without a length, or over what it said, ends as 413 where it is read."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > body_max:
                raise _too_large(body_max)
        return message
    return bounded


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    log.info("refused before the app: %s %s", problem.code, Headers(scope=scope).get("origin", "-"))
    if scope["type"] == "websocket":
        await receive()         # websocket.connect
        await send({"type": "websocket.close", "code": 1008, "reason": problem.code})
    else:
        await problem.response()(scope, receive, send)
