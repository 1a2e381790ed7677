"""Puts it all into an app."""
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from . import problems
from .guard import Guard
from .headers import ReplyHeaders
from .kit import Hlidka
from .settings import Settings

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
ALLOWED = ("Authorization", "Content-Type", "traceparent")
EXPOSED = ("RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate")


class Cors(CORSMiddleware):
    """Out of the way of requests that name no origin: there is nothing to say about those but Vary, which ReplyHeaders says."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "origin" in Headers(scope=scope):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def install(app: FastAPI, settings: Settings) -> Hlidka:
    """Call it once, before the app starts. The client opens and closes with the app's lifespan, around its own."""
    kit = Hlidka(settings)
    own = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with kit, own(app) as state:
            yield state

    app.router.lifespan_context = lifespan
    app.state.hlidka = kit
    problems.install(app)
    # The last one added is the outermost.
    app.add_middleware(Guard, kit=kit)
    app.add_middleware(Cors, allow_origins=settings.origins, allow_methods=METHODS, allow_headers=ALLOWED,
                       expose_headers=EXPOSED, allow_credentials=True, max_age=settings.cors_max_age)
    app.add_middleware(ReplyHeaders, settings=settings)
    return kit
