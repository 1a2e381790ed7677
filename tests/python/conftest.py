"""The client of clients/python against the stack that HLIDKA_RUN describes."""
from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import hlidka
import pytest
from hlidka.fastapi import Settings
from web import make
from world import Run, Test, World

ROOT = Path(__file__).resolve().parents[2]
RUN = Path(os.environ.get("HLIDKA_RUN", ROOT / ".run"))


class Stack:
    def __init__(self) -> None:
        lines = (RUN / "env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines if "=" in line)

    def tool(self, *args: str) -> None:
        subprocess.run([str(ROOT / "tools/stack"), *args], check=True, stdout=subprocess.DEVNULL, timeout=30)

    def key(self, principal: str) -> Path:
        return Path(self.env["HLIDKA_KEYS"]) / f"{principal}.key"

    def bus(self, principal: str = "backend") -> dict[str, Any]:
        """hlidka.Client.open's arguments, and those of hlidka.fastapi.Settings."""
        # The embedded bus holds an empty fetch for the whole wait, whatever arrives meanwhile.
        quick = {"fetch.wait.max.ms": 1} if self.env["HLIDKA_BUS"] == "devbus" else {}
        return {"brokers": self.env["HLIDKA_BROKERS"], "principal": principal, "principals": self.env["HLIDKA_PRINCIPALS"],
                "key": self.key(principal), "prefix": self.env["HLIDKA_TOPIC_PREFIX"], "properties": quick}

    async def client(self, principal: str = "backend", **options: Any) -> hlidka.Client:
        bus = self.bus(principal)
        return await hlidka.Client.open(**bus | options | {"properties": bus["properties"] | options.get("properties", {})})


@pytest.fixture(scope="session")
def stack() -> Stack:
    return Stack()


@pytest.fixture
def with_client(stack: Stack) -> Callable[..., None]:
    """with_client(test): runs `await test(client)` on a loop of its own and closes the client; 30 s at most."""
    def run(test: Callable[[hlidka.Client], Awaitable[None]], **options: Any) -> None:
        async def whole() -> None:
            async with asyncio.timeout(30), await stack.client(**options) as client:
                await test(client)
        asyncio.run(whole())
    return run


@pytest.fixture
def world(stack: Stack) -> Run:
    """world(test): runs `await test(World)`, one app on the stack."""
    def run(test: Test) -> None:
        async def whole() -> None:
            app, kit = make(Settings(**stack.bus()))
            async with asyncio.timeout(60), kit:
                await test(World(stack, kit, app))
        asyncio.run(whole())
    return run
