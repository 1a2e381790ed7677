"""Recordings, in parts: as many under way as the window says, so that neither a fast sender nor a slow reader fills memory."""
from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from . import ops
from .errors import InvalidCall

if TYPE_CHECKING:
    from .client import Client

SIZE_MAX = 10_485_760
PART = 512 * 1024           # the most that a request takes; a multiple of 16,384, as offsets must be
WINDOW = 4                  # parts under way at once: 2 MiB of memory a recording

Progress = Callable[[int, int], None]       # bytes done, bytes in all


class Reader(Protocol):
    """A file that is read with await: Starlette's UploadFile, aiofiles, asyncio.StreamReader."""

    async def read(self, size: int, /) -> bytes: ...


Source = bytes | AsyncIterable[bytes] | Reader


@dataclass(frozen=True, slots=True)
class Stored:
    object_id: str
    size: int
    sha256: str
    expires_at: int


async def _pieces(source: Source) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        yield source
    elif isinstance(source, AsyncIterable):
        async for piece in source:
            yield piece
    else:
        while piece := await source.read(PART):
            yield piece


async def _parts(source: Source, size: int) -> AsyncGenerator[tuple[int, bytes], None]:
    """(offset, bytes): all but the last as large as a part can be. The last leaves when the source has ended as it should."""
    held, offset = bytearray(), 0
    async for piece in _pieces(source):
        held += piece
        if offset + len(held) > size:
            raise InvalidCall(f"more than the {size} bytes that were said")
        while len(held) > PART:
            yield offset, bytes(held[:PART])
            del held[:PART]
            offset += PART
    if offset + len(held) != size:
        raise InvalidCall(f"{offset + len(held)} of {size} bytes")
    yield offset, bytes(held)


async def _whole(source: Source) -> bytes:
    held = bytearray()
    async for piece in _pieces(source):
        held += piece
        if len(held) > SIZE_MAX:
            raise InvalidCall(f"size: 1 to {SIZE_MAX}")
    return bytes(held)


class Audio:
    """`client.audio`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def put(self, source: Source, *, media_type: str, size: int | None = None, owner: str | None = None,
                  ttl_s: int | None = None, window: int = WINDOW, progress: Progress | None = None,
                  deadline: float = 30.0) -> Stored:
        """Stores a recording encrypted and returns when it is whole. `deadline` is each part's.

        The source is read no further than the parts under way. Without `size` (which the first part must say) it is read into
        memory first, 10 MiB at most. An upload that fails half-way is dropped by the service within ten minutes.
        """
        if size is None:
            source = await _whole(source)
            size = len(source)
        if not 0 < size <= SIZE_MAX:
            raise InvalidCall(f"size: 1 to {SIZE_MAX}")
        body: ops.CryptoAudioPutRequest = {"media_type": media_type, "size": size, "offset": 0, "data": b""}
        if owner is not None:
            body["owner"] = owner
        if ttl_s is not None:
            body["ttl_s"] = ttl_s
        upload = _Upload(self._client, body, window, progress, deadline)
        async with contextlib.aclosing(_parts(source, size)) as parts:
            return await upload.run(parts)

    async def get(self, object_id: str, *, window: int = WINDOW, progress: Progress | None = None,
                  deadline: float = 30.0) -> AsyncGenerator[bytes, None]:
        """`async for part in client.audio.get(id)`: in order; at most `window` parts are fetched ahead of the reader."""
        async def part(offset: int) -> ops.CryptoAudioGetResult:
            body: ops.CryptoAudioGetRequest = {"object_id": object_id, "offset": offset, "length": PART}
            return await self._client.call(ops.CRYPTO_AUDIO_GET, body, deadline=deadline)

        first = await part(0)
        size, done = first["size"], len(first["data"])
        offsets = iter(range(PART, size, PART))
        ahead: deque[asyncio.Task[ops.CryptoAudioGetResult]] = deque()
        try:
            data = first["data"]
            while True:
                while len(ahead) < window and (offset := next(offsets, None)) is not None:
                    ahead.append(asyncio.create_task(part(offset)))
                if progress is not None:
                    progress(done, size)
                yield data
                if not ahead:
                    return
                data = (await ahead.popleft())["data"]
                done += len(data)
        finally:
            await _stop(ahead)

    async def stat(self, object_id: str, *, deadline: float = 5.0) -> ops.CryptoAudioStatResult:
        body = ops.CryptoObjectRequest(object_id=object_id)
        return await self._client.call(ops.CRYPTO_AUDIO_STAT, body, deadline=deadline)

    async def delete(self, object_id: str, *, deadline: float = 5.0) -> bool:
        body = ops.CryptoObjectRequest(object_id=object_id)
        return (await self._client.call(ops.CRYPTO_AUDIO_DELETE, body, deadline=deadline))["deleted"]


class _Upload:
    def __init__(self, client: Client, body: ops.CryptoAudioPutRequest, window: int, progress: Progress | None,
                 deadline: float) -> None:
        self._client, self._body, self._window, self._deadline = client, body, window, deadline
        self._progress = progress
        self._done = 0
        self._whole: ops.CryptoAudioPutResult | None = None

    async def run(self, parts: AsyncIterator[tuple[int, bytes]]) -> Stored:
        offset, data = await anext(parts)
        self._body["object_id"] = (await self._send(offset, data))["object_id"]     # names the rest
        under_way: set[asyncio.Task[ops.CryptoAudioPutResult]] = set()
        try:
            async for offset, data in parts:
                if len(under_way) >= self._window:
                    under_way = await _some(under_way)
                under_way.add(asyncio.create_task(self._send(offset, data)))
            while under_way:
                under_way = await _some(under_way)
        finally:
            await _stop(under_way)
        if self._whole is None:
            raise InvalidCall("every part was stored, and the recording is not whole: somebody else writes to it")
        return Stored(self._whole["object_id"], self._body["size"], self._whole["sha256"], self._whole["expires_at"])

    async def _send(self, offset: int, data: bytes) -> ops.CryptoAudioPutResult:
        body = ops.CryptoAudioPutRequest(**self._body)
        body["offset"], body["data"] = offset, data
        answer = await self._client.call(ops.CRYPTO_AUDIO_PUT, body, deadline=self._deadline)
        self._done += len(data)
        if answer["complete"]:
            self._whole = answer
        if self._progress is not None:
            self._progress(self._done, body["size"])
        return answer


async def _some(tasks: set[asyncio.Task[ops.CryptoAudioPutResult]]) -> set[asyncio.Task[ops.CryptoAudioPutResult]]:
    """Waits for one of them; raises what it raised. Those that are left."""
    done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    return left


async def _stop(tasks: set[asyncio.Task[ops.CryptoAudioPutResult]] | deque[asyncio.Task[ops.CryptoAudioGetResult]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
