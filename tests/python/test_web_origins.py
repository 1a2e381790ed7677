"""Which pages may read and write: CORS, and forgeries by other sites. It is not even connected here."""
from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hlidka import BadConfig
from web import BEARER, COOKIE, HERE, has_security_headers, is_problem, make, settings, unconnected

LESSON = {"title": "Aspects", "minutes": 45}
OURS = ["https://app.mluv.me", "https://mluv.me"]
THEIRS = ["https://evil.mluv.me", "https://www.mluv.me", "https://api.app.mluv.me", "null", "http://app.mluv.me", "http://mluv.me",
          "https://app.mluv.me:8443", "https://app.mluv.me:443", "https://app.mluv.me.evil.example", "https://evilmluv.me",
          "https://mluv.me.evil.example", "https://app-mluv.me", "https://evil.example/https://mluv.me", "https://mluv.me@evil.example",
          "https://APP.MLUV.ME", "https://app.mluv.me/", "https://app.mluv.me https://evil.example", "mluv.me", "*", ""]


@pytest.mark.parametrize("origin", OURS)
def test_our_pages_may_read_with_credentials(origin: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        asking = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        for reply in (await client.get("/page", headers={"Origin": origin}), await client.options("/echo", headers=asking),
                      await client.get("/nothing-here", headers={"Origin": origin}),
                      await client.get("/defect", headers={"Origin": origin})):
            assert reply.headers["access-control-allow-origin"] == origin
            assert reply.headers["access-control-allow-credentials"] == "true"
            assert "Origin" in reply.headers["vary"]
            has_security_headers(reply)
        exposed = (await client.get("/page", headers={"Origin": origin})).headers["access-control-expose-headers"]
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed.split(", "))
    unconnected(test)


@pytest.mark.parametrize("origin", THEIRS)
@pytest.mark.parametrize("cookie", [{}, COOKIE])
def test_nobody_else_may(origin: str, cookie: dict[str, str]) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        headers = {"Origin": origin, **cookie}
        asking = {**headers, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        for reply in (await client.get("/page", headers=headers), await client.options("/echo", headers=asking)):
            assert "access-control-allow-origin" not in reply.headers
            assert "Origin" in reply.headers["vary"]
        assert (await client.options("/echo", headers=asking)).status_code == 400
    unconnected(test)


def test_a_method_or_header_that_is_not_listed_is_not_allowed() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        for asked in ({"Access-Control-Request-Method": "TRACE"},
                      {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-http-method-override"}):
            assert (await client.options("/echo", headers={"Origin": OURS[0], **asked})).status_code == 400
    unconnected(test)


@pytest.mark.parametrize("origins", [("*",), ("https://mluv.me/",), ("mluv.me",)])
def test_a_wildcard_is_no_setting(origins: tuple[str, ...]) -> None:
    with pytest.raises(BadConfig, match="origins"):
        settings(origins=origins)


@pytest.mark.parametrize("headers", [
    {"Origin": "https://app.mluv.me", "Sec-Fetch-Site": "same-site"}, {"Origin": "https://mluv.me"},
    {"Sec-Fetch-Site": "same-origin"}, {"Origin": HERE}, {"Origin": HERE, "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"}])
def test_our_pages_may_write_by_cookie(headers: dict[str, str]) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        assert (await client.post("/echo", json=LESSON, headers=headers | COOKIE)).json() == LESSON
    unconnected(test)


@pytest.mark.parametrize("headers", [
    *({"Origin": origin} for origin in THEIRS), *({"Origin": origin, "Sec-Fetch-Site": "same-site"} for origin in THEIRS),
    {"Origin": HERE.replace("https", "http")},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "nonsense"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, {}])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_nobody_else_may_write_by_cookie(headers: dict[str, str], method: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        is_problem(await client.request(method, "/echo", json=LESSON, headers=headers | COOKIE), 403, "cross_site")
    unconnected(test)


def test_a_login_from_another_site_is_refused_though_it_has_no_cookie_yet() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}):
            reply = await client.post("/auth/login/telegram/widget", json={"fields": {}}, headers=headers)
            is_problem(reply, 403, "cross_site")
    unconnected(test)


def test_a_bearer_token_and_programs_without_cookies_are_nobodys_forgery() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        for headers in (BEARER, BEARER | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, BEARER | COOKIE, {}):
            assert (await client.post("/echo", json=LESSON, headers=headers)).json() == LESSON
        # not so what browsers send by themselves
        is_problem(await client.post("/echo", json=LESSON, headers={"Authorization": "Basic dTpw", **COOKIE}), 403, "cross_site")
    unconnected(test)


@pytest.mark.parametrize(("origin", "accepted"), [("https://app.mluv.me", True), (HERE, True), ("https://evil.example", False)])
def test_a_socket_is_opened_by_our_pages_alone(origin: str, accepted: bool) -> None:
    sent: list[dict[str, Any]] = []

    async def connect() -> None:
        scope: dict[str, Any] = {
            "type": "websocket", "path": "/socket", "raw_path": b"/socket", "query_string": b"", "scheme": "wss", "root_path": "",
            "headers": [(b"host", b"api.mluv.me"), (b"origin", origin.encode()), (b"cookie", COOKIE["Cookie"].encode())],
            "client": None, "server": None, "subprotocols": [], "state": {}}

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(dict(message))
        await make(settings())[0](scope, receive, send)
    asyncio.run(connect())
    assert sent[0]["type"] == ("websocket.accept" if accepted else "websocket.close")
