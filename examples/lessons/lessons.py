"""Lessons and their recordings. A lesson costs one of the user's limit; a recording goes to crypto as it comes in, and is
read from there as it goes out: this process never has the whole of it, and nothing of it is on a disk in clear."""
import contextlib
import logging
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from hlidka import Client, HlidkaError
from hlidka.audio import SIZE_MAX
from hlidka.fastapi import Problem, Session, current_session, hlidka_client, limit
from pydantic import BaseModel, ConfigDict, StringConstraints

from .store import Lesson, Recording, Store

KEPT_S = 24 * 3600

log = logging.getLogger(__name__)

Here = Annotated[Session, Depends(current_session)]
Crypto = Annotated[Client, Depends(hlidka_client)]


class NewLesson(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    title: Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]


class LessonOut(BaseModel):
    class Recorded(BaseModel):
        media_type: str
        size: int

    id: str
    title: str
    created_at: int
    recording: Recorded | None

    @classmethod
    def of(cls, lesson: Lesson) -> "LessonOut":
        r = lesson.recording
        recorded = None if r is None else cls.Recorded(media_type=r.media_type, size=r.size)
        return cls(id=lesson.id, title=lesson.title, created_at=lesson.created_at, recording=recorded)


class LessonsOut(BaseModel):
    lessons: list[LessonOut]


def length_of(request: Request) -> int:
    text = request.headers.get("content-length", "")
    if not text.isdecimal() or int(text) == 0:
        raise Problem(411, "length_required", "A recording is not empty, and says how long it is")
    if int(text) > SIZE_MAX:
        raise Problem(413, "too_large", "The recording is too large", max_bytes=SIZE_MAX)
    return int(text)


def router(store: Store) -> APIRouter:
    routes = APIRouter()

    def found(here: Session, lesson_id: str) -> Lesson:
        lesson = store.lesson(here.user_id, lesson_id)
        if lesson is None:
            raise Problem(404, "not_found", "There is no such lesson of yours")
        return lesson

    @routes.get("")
    async def mine(here: Here) -> LessonsOut:
        return LessonsOut(lessons=[LessonOut.of(lesson) for lesson in store.lessons(here.user_id)])

    @routes.post("", status_code=201, dependencies=[Depends(limit("lessons.create"))])
    async def create(here: Here, new: NewLesson) -> LessonOut:
        lesson = store.add_lesson(here.user_id, new.title)
        if lesson is None:
            raise Problem(409, "too_many", "You have as many lessons as this example keeps")
        return LessonOut.of(lesson)

    @routes.put("/{lesson_id}/recording", status_code=204)
    async def record(lesson_id: str, here: Here, request: Request, client: Crypto) -> None:
        lesson = found(here, lesson_id)
        size, media_type = length_of(request), request.headers.get("content-type", "")
        stored = await client.audio.put(request.stream(), media_type=media_type, size=size, owner=here.user_id, ttl_s=KEPT_S)
        old, lesson.recording = lesson.recording, Recording(stored.object_id, media_type, size)
        if old is not None:
            try:
                await client.audio.delete(old.object_id)
            except HlidkaError as why:          # the new one is there all the same, and the old one ends by itself
                log.warning("a recording that was replaced stays until it expires: %s", why)

    @routes.get("/{lesson_id}/recording")
    async def play(lesson_id: str, here: Here, client: Crypto) -> StreamingResponse:
        recording = found(here, lesson_id).recording
        if recording is None:
            raise Problem(404, "not_found", "This lesson has no recording")
        parts = client.audio.get(recording.object_id)
        first = await anext(parts)          # what is refused, as one that has expired, is refused before a 200 is said

        async def whole() -> AsyncGenerator[bytes, None]:
            async with contextlib.aclosing(parts):
                yield first
                async for part in parts:
                    yield part

        return StreamingResponse(whole(), media_type=recording.media_type,
                                 headers={"Content-Length": str(recording.size), "Cache-Control": "no-store"})

    return routes
