"""Someone at a browser, and what an authenticator app does."""
from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import os
import secrets
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page

COOKIE = "__Host-hlidka"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
_telegram_ids = itertools.count(5_000_000_000 + int.from_bytes(os.urandom(4), "big") % 900_000_000)


def new_person() -> int:
    """A Telegram id that nobody has logged in with."""
    return next(_telegram_ids)


def totp(secret: str, step: int = 0) -> str:
    """RFC 6238 for the current 30 s, or `step` of them later."""
    at = (int(time.time()) // 30 + step).to_bytes(8, "big")
    mac = hmac.new(base64.b32decode(secret), at, hashlib.sha1).digest()
    where = mac[-1] & 15
    return f"{(int.from_bytes(mac[where:where + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


class People:
    def __init__(self, context: Callable[[str | None, str], BrowserContext]) -> None:
        self._context = context
        self.complaints: list[str] = []

    def _heard(self, message: ConsoleMessage) -> None:
        # A refusal by the API is told to the user; the console names it too.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def stranger(self, user_agent: str | None = None) -> Page:
        """From an address of their own, as a proxy would tell it: logins are limited by address."""
        page = self._context(user_agent, f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1").new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def logged_in(self, person: int, user_agent: str | None = None) -> Page:
        """Through the page and Telegram's, as anybody would. Two logins of a second are one to Telegram, but for the name."""
        page = self.stranger(user_agent)
        go(page, "/")
        page.click("#login")
        page.fill("[name=id]", str(person))
        page.fill("[name=first_name]", f"Jana {secrets.token_hex(3)}")
        page.click("text=Log in as this person")
        page.wait_for_selector("main.signed-in:visible")
        page.wait_for_selector("body[data-ready]")
        return page


def go(page: Page, path: str) -> None:
    """There, and its script is through."""
    page.goto(path)
    page.wait_for_selector("body[data-ready]")


def token(page: Page) -> str | None:
    """What the cookie jar has, not what a script could read."""
    return next((c["value"] for c in page.context.cookies() if c["name"] == COOKIE), None)


def ask(page: Page, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """(status, JSON) of a request that a script of the page makes."""
    script = """async ([method, path, body]) => {
        const json = {method, headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)};
        const answer = await fetch(path, body === null ? {method} : json);
        return [answer.status, await answer.json()];
    }"""
    status, answer = page.evaluate(script, [method, path, body])
    return status, answer


def problem(page: Page) -> str:
    return page.wait_for_selector("#problem:visible").inner_text()      # type: ignore[union-attr]


def done(page: Page) -> str:
    return page.wait_for_selector("#done:visible").inner_text()         # type: ignore[union-attr]
