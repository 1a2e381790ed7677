"""Which token a request has: whose header or cookie is ours."""
from __future__ import annotations

import httpx
import pytest
from hlidka.fastapi.session import token_of
from starlette.requests import HTTPConnection
from web import COOKIE, is_problem, unconnected


def test_no_token_and_what_cannot_be_one_are_401_without_asking_anybody() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        reply = await client.get("/auth/session")
        is_problem(reply, 401, "missing_token")
        assert reply.headers["www-authenticate"] == 'Bearer realm="hlidka"'
        for wrong in ("Bearer ", "Bearer x", "bearer hls_" + "A" * 63, "Bearer hls_" + "A" * 65, "Bearer hls_" + "A" * 5000,
                      "Bearer hls_" + "A" * 63 + "=", "Bearer hls_" + "\u017e" * 64):
            reply = await client.get("/auth/session", headers=[(b"authorization", wrong.encode())])
            is_problem(reply, 401, "invalid_token")
            assert 'error="invalid_token"' in reply.headers["www-authenticate"]
    unconnected(test)


def test_a_bearer_token_is_not_mended_by_a_cookie() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        is_problem(await client.get("/auth/session", headers={"Authorization": "Bearer x", **COOKIE}), 401, "invalid_token")
    unconnected(test)


OWN, FIXED = b"hls_" + b"A" * 64, b"hls_" + b"F" * 64


OWN, FIXED = b"hls_" + b"A" * 64, b"hls_" + b"F" * 64


NAMED = b"__Host-hlidka="


@pytest.mark.parametrize("blank", [b"\xa0", b"\x85", b"\x1f", b"\x1c", b"\x0b", b"\xc2\xa0", b'"'])
def test_a_cookie_whose_name_only_looks_like_ours_is_another(blank: bytes) -> None:
    """A sibling host may set it for the parent domain: it would fix the session of whoever comes here."""
    for name in (blank + NAMED, NAMED[:-1] + blank + b"="):
        assert _token(name + FIXED) is None
        assert _token(NAMED + OWN + b"; " + name + FIXED) == _token(name + FIXED + b"; " + NAMED + OWN) == OWN.decode()


@pytest.mark.parametrize("lines", [[NAMED + OWN + b"; " + NAMED + FIXED], [NAMED + FIXED, NAMED + OWN],
                                   [NAMED + OWN + b";\t" + NAMED + OWN], [NAMED + b"; " + NAMED + OWN]])
def test_two_cookies_of_our_name_are_no_session(lines: list[bytes]) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        is_problem(await client.get("/auth/session", headers=[(b"cookie", line) for line in lines]), 401, "missing_token")
    unconnected(test)


def test_our_cookie_is_found_among_others() -> None:
    for lines in ([NAMED + OWN], [b"a=b;" + NAMED + OWN + b"; c=d"], [b"a=b", b" \t" + NAMED + OWN + b" "],
                  [b"__host-hlidka=x; " + NAMED + OWN]):
        assert _token(*lines) == OWN.decode()


def _token(*lines: bytes) -> str | None:
    token = token_of(HTTPConnection({"type": "http", "headers": [(b"cookie", line) for line in lines]}))
    return token.text if token is not None else None
