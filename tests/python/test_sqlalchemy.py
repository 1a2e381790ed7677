"""Encrypted columns: what the database holds, what the app sees, and what is refused."""
from __future__ import annotations

import sqlite3
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import hlidka
import pytest
from hlidka import refusals
from hlidka.sqlalchemy import Encrypted, Sealed, encrypting, reveal
from sqlalchemy import ForeignKey, insert, select, update
from sqlalchemy.exc import InvalidRequestError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, defer, mapped_column, relationship, selectinload

Run = Callable[..., None]
Sessions = async_sessionmaker[AsyncSession]


class Base(DeclarativeBase):
    pass


class Lesson(Base):
    __tablename__ = "lessons"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner_id: Mapped[str]
    course: Mapped[str]
    title: Mapped[str]
    notes: Mapped[str | None] = mapped_column(Encrypted(owner="owner_id", context=("id", "course")))
    remarks: Mapped[list[Remark]] = relationship()


class Remark(Base):
    __tablename__ = "remarks"
    id: Mapped[str] = mapped_column(primary_key=True)
    lesson_id: Mapped[str] = mapped_column(ForeignKey("lessons.id"))
    text: Mapped[str | None] = mapped_column(Encrypted(context=("id",), lost="(gone)"))


class Mark(Base):
    __tablename__ = "marks"
    id: Mapped[str] = mapped_column(primary_key=True)
    lesson_id: Mapped[str] = mapped_column(ForeignKey("lessons.id"))
    lesson: Mapped[Lesson] = relationship()
    text: Mapped[str | None] = mapped_column(Encrypted(context=("lesson_id",)))


def lesson(notes: str | None = "Příliš žluťoučký kůň", owner: str = "u-1") -> Lesson:
    return Lesson(id=str(uuid.uuid4()), owner_id=owner, course="cs", title="Past tense", notes=notes)


@pytest.fixture
def with_database(with_client: Run, tmp_path: Path) -> Callable[[Callable[[Sessions], Awaitable[None]]], None]:
    """with_database(test): `await test(sessions)` on a new database in tmp_path / "db"."""
    def run(test: Callable[[Sessions], Awaitable[None]]) -> None:
        @asynccontextmanager
        async def sessions(client: hlidka.Client) -> AsyncIterator[Sessions]:
            engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'db'}")
            async with engine.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            yield async_sessionmaker(engine, sync_session_class=encrypting(lambda: client), expire_on_commit=False)
            await engine.dispose()

        async def whole(client: hlidka.Client) -> None:
            async with sessions(client) as made:
                await test(made)
        with_client(whole)
    return run


def raw(tmp_path: Path) -> list[bytes | None]:
    return [row[0] for row in sqlite3.connect(tmp_path / "db").execute("SELECT notes FROM lessons ORDER BY rowid")]


Database = Callable[[Callable[[Sessions], Awaitable[None]]], None]


def test_the_database_holds_ciphertexts_and_the_app_sees_text(with_database: Database, tmp_path: Path) -> None:
    async def test(sessions: Sessions) -> None:
        async with sessions.begin() as session:
            session.add_all([lesson(f"note {n}", f"u-{n % 3}") for n in range(150)] + [lesson(None)])
        async with sessions() as session:
            found = (await session.scalars(select(Lesson).order_by(Lesson.title))).all()
            assert sorted(x.notes for x in found if x.notes) == sorted(f"note {n}" for n in range(150))
            assert sum(x.notes is None for x in found) == 1
    with_database(test)
    stored = raw(tmp_path)
    assert all(s is None or s.startswith(b"hlc1") for s in stored)
    assert b"note 7" not in (tmp_path / "db").read_bytes()


def test_a_change_is_encrypted_and_a_read_is_no_change(with_database: Database, tmp_path: Path) -> None:
    async def test(sessions: Sessions) -> None:
        one = lesson()
        async with sessions.begin() as session:
            session.add(one)
        before = raw(tmp_path)
        async with sessions.begin() as session:
            assert (await session.get_one(Lesson, one.id)).notes == "Příliš žluťoučký kůň"
        assert raw(tmp_path) == before
        async with sessions.begin() as session:
            (await session.get_one(Lesson, one.id)).title = "Future tense"
        assert raw(tmp_path) == before
        async with sessions.begin() as session:
            (await session.get_one(Lesson, one.id)).notes = "another"
        assert raw(tmp_path) != before
        async with sessions() as session:
            again = await session.get_one(Lesson, one.id)
            assert again.notes == "another"
            await session.refresh(again)
            assert again.notes == "another"
    with_database(test)


@pytest.mark.parametrize("bound", ["owner_id", "id", "course"])
def test_what_is_bound_to_another_value_is_encrypted_anew(with_database: Database, tmp_path: Path, bound: str) -> None:
    async def test(sessions: Sessions) -> None:
        one = lesson(owner="u-first")
        async with sessions.begin() as session:
            session.add(one)
        before = raw(tmp_path)
        async with sessions.begin() as session:
            setattr(await session.get_one(Lesson, one.id), bound, "u-second")
        assert raw(tmp_path) != before
        async with sessions() as session:
            assert (await session.scalars(select(Lesson))).one().notes == "Příliš žluťoučký kůň"
    with_database(test)


@pytest.mark.parametrize("bound", ["owner_id", "course"])
@pytest.mark.parametrize("how", ["expired", "deferred", "streamed", "refreshed"])
def test_what_the_row_does_not_hold_is_encrypted_anew_too(with_database: Database, tmp_path: Path, bound: str, how: str) -> None:
    async def test(sessions: Sessions) -> None:
        one = lesson(owner="u-first")
        async with sessions.begin() as session:
            session.add(one)
        before = raw(tmp_path)
        async with sessions() as session:
            if how == "streamed":
                row = await (await session.stream_scalars(select(Lesson))).one()
            elif how == "deferred":
                row = (await session.scalars(select(Lesson).options(defer(Lesson.notes)))).one()
            else:
                row = await session.get_one(Lesson, one.id)
                session.expire(row)
            setattr(row, bound, "u-second")
            if how == "refreshed":
                with session.no_autoflush:
                    assert (await session.scalars(select(Lesson))).one().notes == "Příliš žluťoučký kůň"
            await session.commit()
        assert raw(tmp_path) != before
        async with sessions() as session:
            assert (await session.scalars(select(Lesson))).one().notes == "Příliš žluťoučký kůň"
    with_database(test)


def test_an_expired_row_is_written_by_what_the_database_has(with_database: Database) -> None:
    async def test(sessions: Sessions) -> None:
        one = lesson()
        async with sessions() as session:
            session.add(one)
            await session.commit()
            session.expire(one)
            one.notes = "another"
            await session.commit()
        async with sessions() as session:
            assert (await session.scalars(select(Lesson))).one().notes == "another"
    with_database(test)


def test_what_a_column_is_bound_to_is_not_updated_in_bulk(with_database: Database, tmp_path: Path) -> None:
    async def test(sessions: Sessions) -> None:
        one = lesson()
        async with sessions.begin() as session:
            session.add(one)
        before = raw(tmp_path)
        async with sessions() as session:
            for statement in (update(Lesson).values(owner_id="z"), update(Lesson).values(course="z"),
                              update(Lesson).values({Lesson.id: "z"}),
                              update(Lesson.metadata.tables["lessons"]).values(owner_id="z")):
                with pytest.raises(InvalidRequestError, match="bound to"):
                    await session.execute(statement)
            with pytest.raises(InvalidRequestError, match="bound to"):
                await session.execute(update(Lesson), [{"id": one.id, "owner_id": "z"}])
            await session.execute(update(Lesson), [{"id": one.id, "title": "z"}])
            await session.execute(update(Lesson).values(title="z", notes=None))
            await session.rollback()
        assert raw(tmp_path) == before
    with_database(test)


def test_what_is_bound_anew_where_nothing_can_be_encrypted_is_refused(with_database: Database, tmp_path: Path) -> None:
    async def test(sessions: Sessions) -> None:
        one, other = lesson("one"), lesson("other")
        async with sessions.begin() as session:
            session.add_all([one, other, Mark(id="m", lesson_id=one.id, text="well done")])
        before = raw(tmp_path)
        async with sessions() as session:
            (await session.get_one(Mark, "m")).lesson = await session.get_one(Lesson, other.id)
            with pytest.raises(InvalidRequestError, match="by a relationship"):
                await session.commit()
        async with sessions() as session:
            mark = await session.get_one(Mark, "m")
            mark.lesson, mark.text = await session.get_one(Lesson, other.id), "not so well"
            with pytest.raises(InvalidRequestError, match="changed in the flush"):
                await session.commit()
        async with async_sessionmaker(sessions.kw["bind"])() as plain:
            (await plain.get_one(Lesson, one.id)).owner_id = "u-second"
            with pytest.raises(InvalidRequestError, match="not made with encrypting"):
                await plain.commit()
        assert raw(tmp_path) == before
        async with sessions() as session:
            assert (await session.get_one(Mark, "m")).text == "well done"
    with_database(test)


def test_what_a_flush_made_serves_no_other_statement(with_database: Database) -> None:
    async def test(sessions: Sessions) -> None:
        one, two = lesson("one"), lesson("two")
        async with sessions() as session:
            session.add_all([one, two])
            await session.flush()
            made = two.notes
            with pytest.raises(StatementError, match="encrypted column"):
                await session.execute(update(Lesson).where(Lesson.id == one.id).values(notes=made))
            one.notes = two.notes           # a text, encrypted for its new place
            await session.commit()
        async with sessions() as session:
            assert {x.notes for x in await session.scalars(select(Lesson))} == {"two"}
    with_database(test)


def test_a_ciphertext_does_not_open_in_another_row(with_database: Database, tmp_path: Path) -> None:
    async def test(sessions: Sessions) -> None:
        mine, theirs = lesson("mine"), lesson("theirs")
        remark = Remark(id="r-1", lesson_id=mine.id, text="well done")
        async with sessions.begin() as session:
            session.add_all([mine, theirs, remark])
        async with sessions.begin() as session:
            stolen = (await session.execute(select(Lesson.notes).where(Lesson.id == theirs.id))).scalar_one()
            assert isinstance(stolen, Sealed)
            assert "theirs" not in repr(stolen)
            for taken in (stolen, theirs.notes):
                with pytest.raises(StatementError, match="encrypted column"):
                    await session.execute(update(Lesson).where(Lesson.id == mine.id).values(notes=taken))
        with sqlite3.connect(tmp_path / "db") as behind:
            behind.execute("UPDATE lessons SET notes = ? WHERE id = ?", (bytes(stolen), mine.id))
            behind.execute("UPDATE remarks SET text = ?", (bytes(stolen),))
        async with sessions() as session:
            with pytest.raises(refusals.DecryptFailed):
                await session.get(Lesson, mine.id)
            gone = await session.get_one(Remark, "r-1")
            assert gone.text == "(gone)"
            gone.id = "r-2"
            with pytest.raises(InvalidRequestError, match="does not open"):
                await session.flush()
    with_database(test)


def test_what_bypasses_the_session_is_refused_before_any_sql(with_database: Database, tmp_path: Path) -> None:
    async def test(sessions: Sessions) -> None:
        async with sessions.begin() as session:
            for statement in (insert(Lesson).values(id="x", owner_id="u", course="cs", title="t", notes="clear"),
                              update(Lesson).values(notes="clear")):
                with pytest.raises(StatementError, match="encrypted column"):
                    await session.execute(statement)
        async with sessions() as session:
            session.add(Lesson(id="y", course="cs", title="t", notes="clear"))
            with pytest.raises(InvalidRequestError, match="owner_id"):
                await session.flush()
    with_database(test)
    assert raw(tmp_path) == []


def test_related_and_streamed_rows_open_too(with_database: Database) -> None:
    async def test(sessions: Sessions) -> None:
        one = lesson()
        one.remarks = [Remark(id=f"r-{n}", text=f"remark {n}") for n in range(3)]
        async with sessions.begin() as session:
            session.add(one)
        async with sessions() as session:
            found = (await session.scalars(select(Lesson).options(selectinload(Lesson.remarks)))).one()
            assert sorted(r.text or "" for r in found.remarks) == ["remark 0", "remark 1", "remark 2"]
        async with sessions() as session:
            seen: list[str] = []
            async for rows in (await session.stream_scalars(select(Remark))).partitions(2):
                assert all(isinstance(r.text, Sealed) for r in rows)
                await reveal(session, rows)
                seen += [r.text or "" for r in rows]
            assert sorted(seen) == ["remark 0", "remark 1", "remark 2"]
    with_database(test)
