"""Lessons, a small app on hlidka.fastapi: log in with Telegram, create lessons, record them, see and end sessions, enrol a
second factor, add a payment method with it.

    uvicorn --factory --app-dir examples lessons.app:create

    HLIDKA_…                        where Hlídka is: hlidka.fastapi.Settings.from_env
    LESSONS_BOT_ID, LESSONS_ORIGIN  Telegram's bot, and this app's address as Telegram knows it
    LESSONS_DEVELOPER_TOKEN_FILE    a test bot's token: the app then plays Telegram itself (developer.py); never in production

What it keeps lives in memory (store.py): a database is not what it is an example of.
"""
import os
from pathlib import Path
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from hlidka.fastapi import Settings, install, router
from hlidka.fastapi.settings import CSP

from . import developer, lessons, payments
from .store import Store

PAGES = Path(__file__).parent / "pages"


def telegrams_page() -> str:
    """Where people are sent to log in; they come back to / with what Telegram signed in the fragment."""
    origin = os.environ["LESSONS_ORIGIN"]
    query = {"bot_id": os.environ["LESSONS_BOT_ID"], "origin": origin, "return_to": origin + "/"}
    return "https://oauth.telegram.org/auth?" + urlencode(query)


def create() -> FastAPI:
    # FastAPI's own pages load scripts from elsewhere, which our policy forbids.
    app = FastAPI(title="Lessons", docs_url=None, redoc_url=None, openapi_url=None)
    # The embedded bus of the demo holds an empty fetch for the whole wait, whatever arrives meanwhile.
    quick = {"fetch.wait.max.ms": 1} if os.environ.get("HLIDKA_BUS") == "devbus" else {}
    install(app, Settings.from_env(csp=CSP + "; media-src 'self'", csp_mode="enforce", properties=quick))

    store = Store()
    app.include_router(router(), prefix="/auth")
    app.include_router(lessons.router(store), prefix="/api/lessons")
    app.include_router(payments.router(store), prefix="/api/payment-methods")
    token_file = os.environ.get("LESSONS_DEVELOPER_TOKEN_FILE")
    if token_file:
        app.include_router(developer.router(Path(token_file)), prefix=developer.PREFIX)
    to_telegram = developer.PREFIX if token_file else telegrams_page()

    @app.get("/login")
    async def login() -> RedirectResponse:
        return RedirectResponse(to_telegram, 303)

    app.mount("/", StaticFiles(directory=PAGES, html=True))
    return app
