"""Recordings and columns through the client."""
from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Callable

import hlidka
import pytest
from hlidka import columns, refusals
from hlidka.audio import PART, SIZE_MAX

Run = Callable[..., None]

CONTEXT = {"table": "notes", "id": "1"}


def recording(size: int) -> bytes:
    return b"OggS" + os.urandom(size - 4)


class File:
    """What a web framework's upload is: read with await."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    async def read(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size:self._at]


async def pieces(data: bytes, length: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), length):
        await asyncio.sleep(0)
        yield data[at:at + length]


@pytest.mark.parametrize("size", [5, PART, PART + 1, 3 * PART + 16_385, SIZE_MAX])
def test_a_recording_comes_back_as_it_was(with_client: Run, size: int) -> None:
    async def test(client: hlidka.Client) -> None:
        data, put, got = recording(size), [], []
        stored = await client.audio.put(pieces(data, 100_003), media_type="audio/ogg", size=size, owner="u-1",
                                        progress=lambda done, whole: put.append((done, whole)))
        assert (stored.size, stored.sha256) == (size, hashlib.sha256(data).hexdigest())
        back = [part async for part in client.audio.get(stored.object_id, progress=lambda d, w: got.append((d, w)))]
        assert b"".join(back) == data
        for seen in (put, got):
            assert seen[-1] == (size, size)
            assert [d for d, _ in seen] == sorted(d for d, _ in seen)
        assert await client.audio.delete(stored.object_id)
        with pytest.raises(refusals.NotFound):
            await anext(client.audio.get(stored.object_id))
    with_client(test)


def test_a_file_or_bytes_need_no_size(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        data = recording(PART + 7)
        for source in (data, File(data), pieces(data, 7_000)):
            stored = await client.audio.put(source, media_type="audio/ogg")
            assert (await client.audio.stat(stored.object_id))["complete"]
    with_client(test)


def test_a_source_of_another_length_is_refused(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        data = recording(PART * 2)
        for size in (len(data) - 1, len(data) + 1):
            with pytest.raises(hlidka.InvalidCall):
                await client.audio.put(pieces(data, 9_999), media_type="audio/ogg", size=size)
        for size in (0, SIZE_MAX + 1):
            with pytest.raises(hlidka.InvalidCall):
                await client.audio.put(b"", media_type="audio/ogg", size=size)
        with pytest.raises(hlidka.InvalidCall):
            await client.audio.put(pieces(bytes(SIZE_MAX + 1), 1_000_000), media_type="audio/ogg")
        with pytest.raises(refusals.MediaTypeMismatch):
            await client.audio.put(b"not a recording", media_type="audio/ogg")
        with pytest.raises(refusals.UnsupportedMediaType):
            await client.audio.put(data, media_type="text/html")
    with_client(test)


def test_a_source_is_read_no_further_than_the_window(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        read, stored, ahead = 0, 0, []

        async def source() -> AsyncIterator[bytes]:
            nonlocal read
            data = recording(12 * PART)
            for at in range(0, len(data), PART):
                read += PART
                ahead.append(read - stored)
                yield data[at:at + PART]

        def progress(done: int, _: int) -> None:
            nonlocal stored
            stored = done
        await client.audio.put(source(), media_type="audio/ogg", size=12 * PART, window=2, progress=progress)
        # two under way, one that waits for its turn, and the one that shows that it was not the last
        assert max(ahead) <= 4 * PART
    with_client(test)


def test_a_slow_reader_holds_no_more_than_the_window(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        stored = await client.audio.put(recording(10 * PART), media_type="audio/ogg")
        before = client.stats().calls
        parts = client.audio.get(stored.object_id, window=2)
        await anext(parts)
        await asyncio.sleep(0.3)
        assert client.stats().calls - before == 3
        await parts.aclose()                        # whoever listens no longer is not sent the rest
        assert client.stats().in_flight == 0
    with_client(test)


def test_a_column_opens_with_its_context_alone(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        sealed = await client.encrypt("tajné", CONTEXT, owner="u-1")
        assert "tajné".encode() not in sealed
        assert (await client.decrypt(sealed, CONTEXT)).decode() == "tajné"
        for context in ({}, {**CONTEXT, "id": "2"}, {**CONTEXT, "more": ""}):
            with pytest.raises(refusals.DecryptFailed):
                await client.decrypt(sealed, context)
        with pytest.raises(refusals.DecryptFailed):
            await client.decrypt(sealed[:-1] + bytes([sealed[-1] ^ 1]), CONTEXT)
        with pytest.raises(refusals.InvalidRequest) as long:
            await client.encrypt("ž" * 5001, CONTEXT)
        assert [e["code"] for e in long.value.errors] == ["too_long"]
        assert await client.decrypt(await client.encrypt(bytes(range(256)), {}), {}) == bytes(range(256))
    with_client(test)


def test_many_items_go_in_as_few_requests_as_they_fit(with_client: Run) -> None:
    async def test(client: hlidka.Client) -> None:
        items = [columns.Plain(os.urandom(size), {"n": str(n)}) for n, size in enumerate([500_000] * 3 + [10] * 200)]
        before = client.stats().calls
        sealed = await columns.encrypt(client, items)
        assert client.stats().calls - before == 6       # 1 + 1 + 64 + 64 + 64 + 9, the third with small ones
        opened = await columns.decrypt(client, [columns.Sealed(s, i.context) for s, i in zip(sealed, items, strict=True)])
        assert opened == [i.plaintext for i in items]
        spoilt = [columns.Sealed(sealed[0], {"n": str(uuid.uuid4())}), columns.Sealed(sealed[1], items[1].context)]
        first, second = await columns.decrypt(client, spoilt)
        assert isinstance(first, refusals.DecryptFailed)
        assert second == items[1].plaintext
        with pytest.raises(hlidka.InvalidCall):
            await client.encrypt(bytes(512 * 1024 + 1), {})
    with_client(test)
