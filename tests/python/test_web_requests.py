"""Probes, sizes, types and mistakes: each has its problem document."""
from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import hlidka
import httpx
import pytest
from hlidka import pending
from starlette.types import Message
from web import BEARER, is_problem, make, settings, unconnected
from world import Run, World


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_override_is_refused(name: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        for method in ("GET", "POST"):
            is_problem(await client.request(method, "/page", headers={name: "DELETE"}), 400, "method_override")
    unconnected(test)


@pytest.mark.parametrize(("method", "path", "status", "code"), [
    ("TRACE", "/page", 405, "method_not_allowed"), ("PUT", "/page", 405, "method_not_allowed"),
    ("GET", "/nowhere", 404, "not_found"), ("GET", "/../etc/passwd", 404, "not_found"), ("GET", "/defect", 500, "internal")])
def test_what_the_framework_refuses_is_a_problem_too(method: str, path: str, status: int, code: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        reply = await client.request(method, path)
        is_problem(reply, status, code)
        assert "secret" not in reply.text
    unconnected(test)


@pytest.mark.parametrize("fields", [{"id": 2**63}, {"id": 2**64}, {"id": 10**400}, {"id": -1}, {"hash": "x" * 1025},
                                    {"x" * 33: "y"}])
def test_a_login_field_beyond_what_auth_takes_is_refused(fields: dict[str, Any]) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        is_problem(await client.post("/auth/login/telegram/widget", json={"fields": fields}), 400, "invalid_request")
    unconnected(test, limits_away="allow")


def test_a_client_that_goes_in_the_middle_of_its_body_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    messages: list[Message] = [{"type": "http.request", "body": b"the first half", "more_body": True},
                               {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def whole() -> None:
        app = make(settings())[0]
        scope = {"type": "http", "method": "POST", "path": "/upload", "raw_path": b"/upload", "query_string": b"",
                 "root_path": "", "headers": [(b"host", b"api.mluv.me"), (b"authorization", BEARER["Authorization"].encode())],
                 "scheme": "https", "http_version": "1.1", "client": ("192.0.2.7", 4711), "server": ("api.mluv.me", 443)}
        await app(scope, receive, send)

    with caplog.at_level(logging.INFO):
        asyncio.run(whole())
    assert sent == []
    assert "has gone" in caplog.text
    assert "Traceback" not in caplog.text


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
    unconnected(test, body_max=1000)


@pytest.mark.parametrize("type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "",
                                  "text/plain; application/json", "application/jsonx"])
def test_a_body_of_another_type_is_refused(type: str) -> None:
    async def test(client: httpx.AsyncClient) -> None:
        reply = await client.post("/echo", content=b'{"title": "a", "minutes": 1}', headers={"Content-Type": type})
        is_problem(reply, 415, "unsupported_media_type")
        is_problem(await client.post("/auth/totp/verify", content=b'{"code": "1"}', headers={"Content-Type": type}), 415,
                   "unsupported_media_type")
    unconnected(test)


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
    unconnected(test)


def test_what_was_sent_is_not_repeated() -> None:
    async def test(client: httpx.AsyncClient) -> None:
        reply = await client.post("/echo", json={"title": "s3cr3t-s3cr3t", "minutes": "s3cr3t"})
        assert "s3cr3t" not in reply.text
    unconnected(test)


def test_columns_and_recordings_refusals_are_problems(world: Run) -> None:
    """What an endpoint lets through of the client's exceptions keeps its status and code."""
    async def test(w: World) -> None:
        @w._app.get("/recording")       # type: ignore[untyped-decorator]
        async def recording() -> None:
            await w.kit.client.audio.stat(str(uuid.uuid4()))
        async with w.browser() as there:
            is_problem(await there.get("/recording"), 404, "not_found")
    world(test)


def test_the_trace_of_a_request_goes_on_to_hlidka(world: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    send = hlidka.Client._send

    def watched(self: hlidka.Client, request: pending.Request, ttl: float) -> None:
        seen.append(request.trace)
        send(self, request, ttl)
    monkeypatch.setattr(hlidka.Client, "_send", watched)
    mine = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    async def test(w: World) -> None:
        async with w.browser() as there:
            await w.login(there)
            seen.clear()
            await there.get("/auth/session", headers={"traceparent": mine})
            assert set(seen) == {mine}
            seen.clear()
            for wrong in ("not one", mine.upper(), mine + "-" + "0" * 64):
                assert (await there.get("/auth/session", headers={"traceparent": wrong})).status_code == 200
            assert set(seen) == {None}
    world(test)
