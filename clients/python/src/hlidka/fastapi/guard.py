"""The innermost middleware: what is refused before the app sees it, and the request's Exchange with Hlídka."""
import logging
import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..client import traceparent
from .exchange import KEY, Exchange
from .kit import Hlidka
from .problems import Problem, defect
from .session import bearer
from .settings import Settings

log = logging.getLogger("hlidka.fastapi")

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})       # RFC 9110 section 9.2.1
TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")     # W3C Trace Context section 3.2
PAGES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}      # the scheme of a page that is of this one's origin
OVERRIDES = frozenset({b"x-http-method-override", b"x-http-method", b"x-method-override"})


def cross_site(connection: HTTPConnection, origins: tuple[str, ...]) -> bool:
    """Whether a browser sends this on behalf of a page that is not ours: by Sec-Fetch-Site, else by Origin.

    Neither: no browser of this decade, or no browser. With a cookie that is refused; without, nothing is to be gained.
    """
    headers = connection.headers
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin in origins or site in ("same-origin", "none"):
        return False
    if site is None and origin is not None:
        return origin != f"{PAGES[connection.scope['scheme']]}://{headers.get('host')}"
    return site is not None or "cookie" in headers


def objection(scope: Scope, given: Mapping[bytes, bytes], settings: Settings) -> Problem | None:
    """`given`: the request's headers, of each name the first."""
    if scope["type"] == "websocket" or scope["method"] not in SAFE:
        connection = HTTPConnection(scope)
        if bearer(connection) is None and cross_site(connection, settings.origins):
            return Problem(403, "cross_site", "Requests from other sites are refused")
    if not OVERRIDES.isdisjoint(given):
        return Problem(400, "method_override", "The method is the one of the request line")
    length = given.get(b"content-length", b"")
    if length.isdigit() and int(length) > settings.body_max:
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
        given = dict(reversed(list(scope["headers"])))
        problem = objection(scope, given, self._kit.settings)
        if problem is not None:
            return await _refuse(problem, scope, receive, send)
        exchange = scope[KEY] = Exchange(self._kit)
        trace = traceparent.set(_trace(given.get(b"traceparent")))
        try:
            await self._app(scope, _bounded(receive, self._kit.settings.body_max), send)
        except ClientDisconnect:
            log.info("a client has gone in the middle of its request")      # nobody is left to be told, and nothing is amiss
        except Exception:
            # Answered here, where the headers of the outer layers still go on it; raised on, for the server's log.
            if not exchange.replied and scope["type"] == "http":
                await _refuse(defect(), scope, receive, send)
            raise
        finally:
            exchange.end()
            traceparent.reset(trace)


def _trace(given: bytes | None) -> str | None:
    """The caller's trace goes on to Hlídka, its events and its logs; what is none is left out (section 4.3)."""
    return given.decode("ascii") if given is not None and TRACEPARENT.fullmatch(given) else None


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
