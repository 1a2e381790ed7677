"""An app as a backend would write it, and a browser for it."""
from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import random
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx
from fastapi import Depends, FastAPI, Request, WebSocket
from hlidka import webhooks
from hlidka.fastapi import (
    Hlidka,
    Session,
    Settings,
    csp_reports,
    current_session,
    install,
    json_only,
    limit,
    optional_session,
    require,
    router,
    signed_webhook,
    telegram_webhook,
)
from pydantic import BaseModel, ConfigDict, Field

HERE = "https://api.mluv.me"
TOKEN = "hls_" + "A" * 64
BEARER = {"Authorization": f"Bearer {TOKEN}"}
COOKIE = {"Cookie": f"__Host-hlidka={TOKEN}"}
SITE = {"Origin": "https://app.mluv.me", "Sec-Fetch-Site": "same-site"}     # how the app's own pages send
TELEGRAM_SECRET = "of-setWebhook"                                           # noqa: S105
STRIPE = webhooks.Signed([b"whsec_" + b"s" * 32])
CSP_NAME = "content-security-policy-report-only"


class Lesson(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str = Field(min_length=1, max_length=10)
    minutes: int = Field(ge=1, le=90)


def make(settings: Settings) -> tuple[FastAPI, Hlidka]:
    app = FastAPI()
    kit = install(app, settings)
    app.include_router(router(), prefix="/auth")
    app.include_router(csp_reports(), prefix="/csp-reports")

    @app.post("/lessons", dependencies=[Depends(limit("lessons.create"))])
    async def create(session: Annotated[Session, Depends(current_session)]) -> dict[str, str]:
        return {"user_id": session.user_id}

    @app.post("/drafts", dependencies=[Depends(limit("lessons.create", away="allow"))])
    async def draft(session: Annotated[Session, Depends(current_session)]) -> dict[str, str]:
        return {"user_id": session.user_id}

    @app.post("/payment-methods", dependencies=[Depends(limit("payments"))])
    async def pay(session: Annotated[Session, Depends(require("payment_method.add"))]) -> dict[str, str]:
        return {"user_id": session.user_id}

    @app.get("/public", dependencies=[Depends(limit("search.query")), Depends(limit("chat.message"))])
    async def public(session: Annotated[Session | None, Depends(optional_session)]) -> dict[str, str | None]:
        return {"user_id": session.user_id if session else None}

    @app.post("/orders")
    async def order(session: Annotated[Session, Depends(current_session)],
                    _: Annotated[None, Depends(limit("lessons.create"))]) -> dict[str, str]:
        return {"user_id": session.user_id}

    @app.get("/twice", dependencies=[Depends(limit("lessons.create")), Depends(limit("lessons.create"))])
    async def twice() -> dict[str, str]:
        return {}

    @app.post("/echo", dependencies=[Depends(json_only)])
    async def echo(lesson: Lesson) -> Lesson:
        return lesson

    @app.post("/upload")
    async def upload(request: Request) -> dict[str, int]:
        return {"size": sum([len(piece) async for piece in request.stream()])}

    @app.get("/page")
    async def page() -> dict[str, str]:
        return {"hello": "there"}

    @app.get("/defect")
    async def defect() -> None:
        raise RuntimeError("secret detail")

    @app.post("/hooks/telegram", dependencies=[Depends(telegram_webhook(TELEGRAM_SECRET))])
    async def telegram() -> dict[str, bool]:
        return {"ok": True}

    @app.post("/hooks/stripe")
    async def stripe(body: Annotated[bytes, Depends(signed_webhook(STRIPE))]) -> dict[str, int]:
        return {"size": len(body)}

    @app.websocket("/socket")
    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    return app, kit


def browser(app: FastAPI, ip: str = "192.0.2.7", **options: Any) -> httpx.AsyncClient:
    """Keeps cookies as a browser does; defects are answered and not raised into the test."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(ip, 40_000))
    return httpx.AsyncClient(transport=transport, base_url=HERE, **options)


def settings(**more: Any) -> Settings:
    """Of an app that is not connected."""
    return Settings(brokers="127.0.0.1:1", principals="-", key="-", **more)


def unconnected(test: Callable[[httpx.AsyncClient], Awaitable[None]], **more: Any) -> None:
    """Runs `await test(client)` against an app that decides without Hlídka."""
    async def whole() -> None:
        async with asyncio.timeout(20), browser(make(settings(**more))[0]) as client:
            await test(client)
    asyncio.run(whole())


def somewhere() -> str:
    """An address that nobody has used yet: logins are counted by it."""
    return str(ipaddress.IPv4Address("198.18.0.0") + random.randrange(2**17))


def signed_by_telegram(bot_token: str, id: int, at: int | None = None) -> dict[str, str | int]:
    """What the login widget hands out."""
    fields: dict[str, str | int] = {"id": id, "first_name": "Žofie", "auth_date": int(time.time()) if at is None else at}
    text = "\n".join(f"{k}={fields[k]}" for k in sorted(fields))
    fields["hash"] = hmac.new(hashlib.sha256(bot_token.encode()).digest(), text.encode(), hashlib.sha256).hexdigest()
    return fields


def init_data(bot_token: str, id: int) -> str:
    """What Telegram gives a mini app."""
    fields = {"user": json.dumps({"id": id, "first_name": "Žofie"}), "auth_date": str(int(time.time())), "query_id": "AAH"}
    text = "\n".join(f"{k}={fields[k]}" for k in sorted(fields))
    key = hmac.new(b"WebAppData", bot_token.encode(), hashlib.sha256).digest()
    return urlencode({**fields, "hash": hmac.new(key, text.encode(), hashlib.sha256).hexdigest()})


def totp(secret: str, step: int) -> str:
    """RFC 6238: six digits, SHA-1."""
    mac = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def is_problem(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """It is that problem document, and the reply has its security headers."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = reply.json()
    assert document["code"] == code
    assert document["type"] == f"urn:hlidka:problem:{code}"
    assert document["status"] == status
    assert document["title"]
    assert reply.headers["cache-control"] == "no-store"
    has_security_headers(reply)
    if status == 401:
        assert reply.headers["www-authenticate"]
    return document


def has_security_headers(reply: httpx.Response) -> None:
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    assert reply.headers["x-frame-options"] == "DENY"
    assert reply.headers["referrer-policy"]
    assert "frame-ancestors 'none'" in reply.headers[CSP_NAME]
