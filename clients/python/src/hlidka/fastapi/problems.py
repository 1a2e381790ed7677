"""Refusals as RFC 9457 problem documents: `application/problem+json` with `code`, and what the code needs beside it."""
import http
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Request, WebSocket
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ..errors import Closed, Full, HlidkaError, NoAnswer, Refused, Unreachable

log = logging.getLogger("hlidka.fastapi")

TYPE = "urn:hlidka:problem:"
NEVER_MS = 2**32 - 1        # ratelimit's retry_after_ms of a cost that no waiting makes fit
# The service refuses us, not the user: our grant, our key, our clock, our version.
OURS = frozenset({"forbidden", "signature_required", "unknown_op", "stale_message"})

# pydantic's names for what the contract's codes say; what is in neither list is `bad_format`.
FIELD_CODES = {"missing": "required", "extra_forbidden": "unknown_field", "string_too_long": "too_long", "too_long": "too_long",
               "string_too_short": "too_short", "too_short": "too_short", "greater_than_equal": "out_of_range",
               "less_than_equal": "out_of_range", "greater_than": "out_of_range", "less_than": "out_of_range"}
FIELD_ERRORS_MAX = 32


class Problem(HTTPException):
    """Raise it anywhere below the middleware: `raise Problem(404, "no_such_lesson", "This lesson is not there")`."""

    def __init__(self, status: int, code: str, title: str, *, detail: str | None = None,
                 headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(status, detail or title, dict(headers or {}))
        self.code, self.title = code, title
        self.document: dict[str, Any] = {"type": TYPE + code, "title": title, "status": status, "code": code}
        if detail is not None:
            self.document["detail"] = detail
        self.document |= {k: v for k, v in members.items() if v is not None}

    def response(self) -> Response:
        body = json.dumps(self.document, ensure_ascii=False).encode()
        headers = {"cache-control": "no-store", **(self.headers or {})}
        return Response(body, self.status_code, headers, "application/problem+json")


def retry_after(ms: int | None) -> dict[str, str]:
    return {} if ms is None or ms >= NEVER_MS else {"Retry-After": str(-(-ms // 1000))}


def challenge(error: str | None = None, **parameters: str | int) -> dict[str, str]:
    """RFC 6750 section 3: no `error` where no token came; RFC 9470 for a session that has to prove more."""
    given = {"realm": "hlidka"} | ({} if error is None else {"error": error}) | parameters
    return {"WWW-Authenticate": "Bearer " + ", ".join(f'{k}="{v}"' for k, v in given.items())}


def unavailable(retry_after_ms: int | None = None) -> Problem:
    return Problem(503, "unavailable", "Not to be had now; the same again is safe", headers=retry_after(retry_after_ms or 1000))


def defect() -> Problem:
    return Problem(500, "internal", "A defect on our side")


def of(error: HlidkaError) -> Problem:
    """What the user of a web app is told of it: the contract's status and code, unless it is about us."""
    if isinstance(error, NoAnswer | Closed | Full | Unreachable):
        return unavailable()
    if not isinstance(error, Refused) or error.code in OURS or error.status not in range(400, 600):
        log.error("hlidka refused this app: %s", error)
        return defect()
    if error.status == 503:
        return unavailable(error.retry_after_ms)
    headers = retry_after(error.retry_after_ms) | (challenge(error.code) if error.status == 401 else {})
    return Problem(error.status, error.code, error.title, detail=error.detail, headers=headers,
                   retry_after_ms=error.retry_after_ms, errors=error.errors or None)


def _plain(error: HTTPException) -> Problem:
    if isinstance(error, Problem):
        return error
    phrase = http.HTTPStatus(error.status_code).phrase
    detail = error.detail if isinstance(error.detail, str) and error.detail != phrase else None
    return Problem(error.status_code, phrase.lower().replace(" ", "_").replace("-", "_"), phrase, detail=detail,
                   headers=error.headers)


def _pointer(location: tuple[int | str, ...]) -> str:
    """RFC 6901, into the body; of another part its name comes first: /query/limit."""
    path = location[1:] if location[:1] == ("body",) else location
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1")[:256] for part in path)


def _field(error: Mapping[str, Any]) -> dict[str, str]:
    kind = str(error["type"])
    if kind == "json_invalid":
        return {"pointer": "", "code": "bad_format", "detail": "not JSON"}
    code = FIELD_CODES.get(kind) or ("wrong_type" if kind.endswith("_type") else "bad_format")
    return {"pointer": _pointer(tuple(error["loc"])), "code": code, "detail": str(error["msg"])}


def invalid(error: RequestValidationError) -> Problem:
    """400, without what was sent: it may be a code or a token."""
    fields = [_field(e) for e in error.errors()[:FIELD_ERRORS_MAX]]
    return Problem(400, "invalid_request", "The request is not as it should be", errors=fields)


async def _answer(connection: Request | WebSocket, problem: Problem) -> Response | None:
    if isinstance(connection, WebSocket):
        await connection.close(1008, problem.code)
        return None
    return problem.response()


async def _refused(connection: Any, error: Exception) -> Response | None:
    assert isinstance(error, HlidkaError)       # noqa: S101
    return await _answer(connection, of(error))


async def _http_error(connection: Any, error: Exception) -> Response | None:
    assert isinstance(error, HTTPException)     # noqa: S101
    return await _answer(connection, _plain(error))


async def _invalid_request(connection: Any, error: Exception) -> Response | None:
    assert isinstance(error, RequestValidationError)    # noqa: S101
    return await _answer(connection, invalid(error))


async def _broken(_: Any, __: Exception) -> Response:
    return defect().response()


# Problem has a line of its own: an app that has its own way with HTTPException still refuses as Hlídka says.
HANDLERS: dict[type[Exception], Callable[[Any, Exception], Awaitable[Any]]] = {
    HlidkaError: _refused, Problem: _http_error, HTTPException: _http_error, RequestValidationError: _invalid_request}
NOBODYS_CHOICE = (None, http_exception_handler, request_validation_exception_handler)


def install(app: Starlette) -> None:
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)


def install_mounted(app: Starlette) -> None:
    """For an app inside ours, which meets its exceptions before ours could, defects too. What it has chosen itself stays."""
    for kind, handler in HANDLERS.items():
        if app.exception_handlers.get(kind) in NOBODYS_CHOICE:
            app.add_exception_handler(kind, handler)
    if not {500, Exception} & app.exception_handlers.keys():
        app.add_exception_handler(Exception, _broken)
