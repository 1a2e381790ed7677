"""Bounds that hold on a machine with other things to do."""
from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, what: asyncio.Task[T] | Coroutine[Any, Any, T]) -> T:
    """It ends before a timer of the same loop does: a process that was not given the processor is late with both."""
    task = what if isinstance(what, asyncio.Task) else asyncio.create_task(what)
    await asyncio.wait({task}, timeout=seconds)
    for _ in range(20):                 # the turns that lie between a timer of its own and its end
        await asyncio.sleep(0)
    if not task.done():
        raise AssertionError(f"not within {seconds} s")
    return await task
