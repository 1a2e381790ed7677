"""One app on the stack, browsers for it, and people with Telegram."""
from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from hlidka.fastapi import Hlidka
from web import SITE, browser, signed_by_telegram, somewhere

if TYPE_CHECKING:
    from conftest import Stack

if TYPE_CHECKING:
    from conftest import Stack

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


class World:
    """One app on the stack, browsers for it, and people with Telegram."""

    def __init__(self, stack: Stack, kit: Hlidka, app: Any) -> None:
        self.kit, self._app = kit, app
        self.bot_token = Path(stack.env["HLIDKA_TELEGRAM_TOKEN_FILE"]).read_text().strip()

    def browser(self, **options: Any) -> httpx.AsyncClient:
        return browser(self._app, somewhere(), headers={"User-Agent": FIREFOX, **SITE}, **options)

    def fields(self, id: int | None = None, at: int | None = None) -> dict[str, str | int]:
        return signed_by_telegram(self.bot_token, id or uuid.uuid4().int % 10**15 + 1, at)

    async def login(self, there: httpx.AsyncClient, id: int | None = None) -> dict[str, Any]:
        # Of one id two logins of the same second are one login: each says a second less than the one before.
        reply = await there.post("/auth/login/telegram/widget", json={"fields": self.fields(id, self._when(id))})
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    _last: dict[int | None, int] = {}       # noqa: RUF012

    def _when(self, id: int | None) -> int:
        self._last[id] = self._last.get(id, int(time.time()) + 1) - 1
        return self._last[id]


Test = Callable[[World], Awaitable[None]]
Run = Callable[[Test], None]
