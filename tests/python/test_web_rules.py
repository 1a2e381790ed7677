"""What the web kit decides without Hlídka: origins, forgeries, sizes, types, headers. It is not even connected here."""
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from hlidka import BadConfig
from hlidka.fastapi import Settings
from hlidka.fastapi.device import describe
from hlidka.fastapi.session import token_of
from hlidka.webhooks import STRIPE_HEADER, TELEGRAM_HEADER
from starlette.requests import HTTPConnection
from web import CSP_NAME, HERE, STRIPE, TELEGRAM_SECRET, browser, has_security_headers, is_problem, make

COOKIE = {"Cookie": "__Host-hlidka=hls_" + "A" * 64}
BEARER = {"Authorization": "Bearer hls_" + "A" * 64}
LESSON = {"title": "Aspects", "minutes": 45}

OURS = ["https://app.mluv.me", "https://mluv.me"]
THEIRS = ["https://evil.mluv.me", "https://www.mluv.me", "https://api.app.mluv.me", "null", "http://app.mluv.me", "http://mluv.me",
          "https://app.mluv.me:8443", "https://app.mluv.me:443", "https://app.mluv.me.evil.example", "https://evilmluv.me",
          "https://mluv.me.evil.example", "https://app-mluv.me", "https://evil.example/https://mluv.me", "https://mluv.me@evil.example",
          "https://APP.MLUV.ME", "https://app.mluv.me/", "https://app.mluv.me https://evil.example", "mluv.me", "*", ""]


def settings(**more: Any) -> Settings:
    return Settings(brokers="127.0.0.1:1", principals="-", key="-", **more)


def run(test: Callable[[httpx.AsyncClient], Awaitable[None]], **more: Any) -> None:
    async def whole() -> None:
        async with asyncio.timeout(20), browser(make(settings(**more))[0]) as client:
            await test(client)
    asyncio.run(whole())


# ---- CORS -------------------------------------------------------------------------------------------------------

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
    run(test)


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
    run(test)


def test_a_method_or_header_that_is_not_listed_is_not_allowed() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        for asked in ({"Access-Control-Request-Method": "TRACE"},
                      {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-http-method-override"}):
            assert (await client.options("/echo", headers={"Origin": OURS[0], **asked})).status_code == 400
    run(test)


@pytest.mark.parametrize("origins", [("*",), ("https://mluv.me/",), ("mluv.me",)])
def test_a_wildcard_is_no_setting(origins: tuple[str, ...]) -> None:
    with pytest.raises(BadConfig, match="origins"):
        settings(origins=origins)


# ---- forged by another site -------------------------------------------------------------------------------------

@pytest.mark.parametrize("headers", [
    {"Origin": "https://app.mluv.me", "Sec-Fetch-Site": "same-site"}, {"Origin": "https://mluv.me"},
    {"Sec-Fetch-Site": "same-origin"}, {"Origin": HERE}, {"Origin": HERE, "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"}])
def test_our_pages_may_write_by_cookie(headers: dict[str, str]) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        assert (await client.post("/echo", json=LESSON, headers=headers | COOKIE)).json() == LESSON
    run(test)


@pytest.mark.parametrize("headers", [
    *({"Origin": origin} for origin in THEIRS), *({"Origin": origin, "Sec-Fetch-Site": "same-site"} for origin in THEIRS),
    {"Origin": HERE.replace("https", "http")},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "nonsense"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, {}])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_nobody_else_may_write_by_cookie(headers: dict[str, str], method: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        is_problem(await client.request(method, "/echo", json=LESSON, headers=headers | COOKIE), 403, "cross_site")
    run(test)


def test_a_login_from_another_site_is_refused_though_it_has_no_cookie_yet() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}):
            reply = await client.post("/auth/login/telegram/widget", json={"fields": {}}, headers=headers)
            is_problem(reply, 403, "cross_site")
    run(test)


def test_a_bearer_token_and_programs_without_cookies_are_nobodys_forgery() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        for headers in (BEARER, BEARER | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, BEARER | COOKIE, {}):
            assert (await client.post("/echo", json=LESSON, headers=headers)).json() == LESSON
        # not so what browsers send by themselves
        is_problem(await client.post("/echo", json=LESSON, headers={"Authorization": "Basic dTpw", **COOKIE}), 403, "cross_site")
    run(test)


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


# ---- probes: each has its document --------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_override_is_refused(name: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        for method in ("GET", "POST"):
            is_problem(await client.request(method, "/page", headers={name: "DELETE"}), 400, "method_override")
    run(test)


@pytest.mark.parametrize(("method", "path", "status", "code"), [
    ("TRACE", "/page", 405, "method_not_allowed"), ("PUT", "/page", 405, "method_not_allowed"),
    ("GET", "/nowhere", 404, "not_found"), ("GET", "/../etc/passwd", 404, "not_found"), ("GET", "/defect", 500, "internal")])
def test_what_the_framework_refuses_is_a_problem_too(method: str, path: str, status: int, code: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        reply = await client.request(method, path)
        is_problem(reply, status, code)
        assert "secret" not in reply.text
    run(test)


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
    run(test)


def test_a_bearer_token_is_not_mended_by_a_cookie() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        is_problem(await client.get("/auth/session", headers={"Authorization": "Bearer x", **COOKIE}), 401, "invalid_token")
    run(test)


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
    run(test)


def test_our_cookie_is_found_among_others() -> None:
    for lines in ([NAMED + OWN], [b"a=b;" + NAMED + OWN + b"; c=d"], [b"a=b", b" \t" + NAMED + OWN + b" "],
                  [b"__host-hlidka=x; " + NAMED + OWN]):
        assert _token(*lines) == OWN.decode()


def _token(*lines: bytes) -> str | None:
    token = token_of(HTTPConnection({"type": "http", "headers": [(b"cookie", line) for line in lines]}))
    return token.text if token is not None else None


@pytest.mark.parametrize("fields", [{"id": 2**63}, {"id": 2**64}, {"id": 10**400}, {"id": -1}, {"hash": "x" * 1025},
                                    {"x" * 33: "y"}])
def test_a_login_field_beyond_what_auth_takes_is_refused(fields: dict[str, Any]) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        is_problem(await client.post("/auth/login/telegram/widget", json={"fields": fields}), 400, "invalid_request")
    run(test, limits_away="allow")


def test_a_body_that_is_too_large_is_refused_said_or_not() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 100
        assert (await client.post("/upload", content=b"x" * 1000)).json() == {"size": 1000}
        is_problem(await client.post("/upload", content=b"x" * 1001), 413, "too_large")
        is_problem(await client.post("/upload", content=endless()), 413, "too_large")
        is_problem(await client.post("/upload", content=endless(), headers={"Content-Length": "7"}), 413, "too_large")
        is_problem(await client.post("/echo", content=endless(), headers={"Content-Type": "application/json"}), 413, "too_large")
    run(test, body_max=1000)


@pytest.mark.parametrize("type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "",
                                  "text/plain; application/json", "application/jsonx"])
def test_a_body_of_another_type_is_refused(type: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        reply = await client.post("/echo", content=b'{"title": "a", "minutes": 1}', headers={"Content-Type": type})
        is_problem(reply, 415, "unsupported_media_type")
        is_problem(await client.post("/auth/totp/verify", content=b'{"code": "1"}', headers={"Content-Type": type}), 415,
                   "unsupported_media_type")
    run(test)


@pytest.mark.parametrize(("body", "fields"), [
    ('{"title": "a"}', [("/minutes", "required")]),
    ('{"title": "a", "minutes": 1, "admin": true}', [("/admin", "unknown_field")]),
    ('{"title": "", "minutes": 91}', [("/title", "too_short"), ("/minutes", "out_of_range")]),
    ('{"title": "aaaaaaaaaaa", "minutes": "many"}', [("/title", "too_long"), ("/minutes", "bad_format")]),
    ('{"title": 5, "minutes": 1}', [("/title", "wrong_type")]),
    ('["title"]', [("", "wrong_type")]), ("{", [("", "bad_format")]), ("", [("", "required")])])
def test_a_body_with_mistakes_is_400_with_a_code_for_each(body: str, fields: list[tuple[str, str]]) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        reply = await client.post("/echo", content=body, headers={"Content-Type": "application/json"})
        document = is_problem(reply, 400, "invalid_request")
        assert [(e["pointer"], e["code"]) for e in document["errors"]] == fields
    run(test)


def test_what_was_sent_is_not_repeated() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        reply = await client.post("/echo", json={"title": "s3cr3t-s3cr3t", "minutes": "s3cr3t"})
        assert "s3cr3t" not in reply.text
    run(test)


# ---- headers ------------------------------------------------------------------------------------------------------

def test_every_header_is_a_setting() -> None:
    async def off(client: httpx.AsyncClient) -> None:
        names = {n.lower() for n in (await client.get("/page")).headers}
        assert names == {"content-length", "content-type", "vary", "x-content-type-options"}
    run(off, hsts=None, frame_options=None, referrer_policy=None, permissions_policy=None, opener_policy=None,
        resource_policy=None, csp=None)

    async def enforced(client: httpx.AsyncClient) -> None:
        headers = (await client.get("/page")).headers
        assert headers["content-security-policy"] == "default-src 'self'; report-uri https://r.example/; report-to csp"
        assert headers["reporting-endpoints"] == 'csp="https://r.example/"'
        assert CSP_NAME not in headers
        assert headers["strict-transport-security"] == "max-age=1"
        assert headers["x-frame-options"] == "SAMEORIGIN"
    run(enforced, csp="default-src 'self'", csp_mode="enforce", csp_report_to="https://r.example/", hsts="max-age=1",
        frame_options="SAMEORIGIN")


# ---- settings -----------------------------------------------------------------------------------------------------

def test_the_environment_says_where_the_bus_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROKERS", "PRINCIPALS", "KEY_FILE", "SIGN_FILE", "PRINCIPAL", "TOPIC_PREFIX"):
        monkeypatch.delenv(f"HLIDKA_{name}", raising=False)
    with pytest.raises(BadConfig, match="HLIDKA_BROKERS, HLIDKA_KEY_FILE"):
        Settings.from_env(principals="here")
    monkeypatch.setenv("HLIDKA_BROKERS", "b:1")
    monkeypatch.setenv("HLIDKA_KEY_FILE", "k")
    monkeypatch.setenv("HLIDKA_PRINCIPALS", "p")
    monkeypatch.setenv("HLIDKA_TOPIC_PREFIX", "x.")
    found = Settings.from_env(principals="here", limit_deadline=3)
    assert (found.brokers, found.key, found.principals, found.prefix, found.limit_deadline) == ("b:1", "k", "here", "x.", 3)


@pytest.mark.parametrize(("user_agent", "info"), [
    ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox 145 on Linux"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 "
     "Edg/142.0.0.0", "Edge 142 on Windows"),
    ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
     "Chrome 142 on Android"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 "
     "Safari/604.1", "Safari 18 on iPhone"),
    ("curl/8.11", "curl/8.11"), ("", "unknown"), ("ž" * 500, "ž" * 128)])
def test_a_device_is_called_what_its_owner_calls_it(user_agent: str, info: str) -> None:
    assert describe(user_agent) == info


# ---- webhooks -----------------------------------------------------------------------------------------------------

def test_webhooks_need_their_signature_and_no_session() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        assert (await client.post("/hooks/telegram", json={}, headers={TELEGRAM_HEADER: TELEGRAM_SECRET})).json() == {"ok": True}
        for headers in ({}, {TELEGRAM_HEADER: TELEGRAM_SECRET + "x"}):
            is_problem(await client.post("/hooks/telegram", json={}, headers=headers), 401, "bad_signature")
        body = b'{"id": "evt_1"}'
        signed = {STRIPE_HEADER: STRIPE.sign(body)}
        assert (await client.post("/hooks/stripe", content=body, headers=signed)).json() == {"size": len(body)}
        is_problem(await client.post("/hooks/stripe", content=body, headers=signed), 409, "replayed")
        is_problem(await client.post("/hooks/stripe", content=body + b" ", headers=signed), 401, "bad_signature")
        is_problem(await client.post("/hooks/stripe", content=body), 401, "bad_signature")
    run(test)
