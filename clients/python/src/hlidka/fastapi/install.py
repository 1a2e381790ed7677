"""Puts it all into an app."""
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Host, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

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


def mounted(routes: Iterable[BaseRoute]) -> Iterator[Starlette]:
    """The apps below `routes`, also where middleware, which keeps what it wraps in `app`, is around them."""
    for route in routes:
        if isinstance(route, Mount | Host):
            there = route.app
            while not isinstance(there, Starlette) and hasattr(there, "app"):
                there = there.app
            if isinstance(there, Starlette):
                yield there
            yield from mounted(getattr(there, "routes", ()))


def guarded(inner: ASGIApp, app: FastAPI, kit: Hlidka) -> ASGIApp:
    """Called when the app starts or has its first request: what will be mounted in it is there."""
    for each in mounted(app.routes):
        problems.install_mounted(each)
    return Guard(inner, kit)


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
    app.add_middleware(guarded, app=app, kit=kit)
    app.add_middleware(Cors, allow_origins=settings.origins, allow_methods=METHODS, allow_headers=ALLOWED,
                       expose_headers=EXPOSED, allow_credentials=True, max_age=settings.cors_max_age)
    app.add_middleware(ReplyHeaders, settings=settings)
    return kit
