"""A column that the database holds encrypted, bound to its row (`pip install hlidka[sqlalchemy]`; asynchronous engines):

    class Lesson(Base):
        __tablename__ = "lessons"
        id: Mapped[str] = mapped_column(primary_key=True)
        owner_id: Mapped[str]
        notes: Mapped[str | None] = mapped_column(Encrypted(owner="owner_id", context=("id",)))

    Sessions = async_sessionmaker(engine, sync_session_class=encrypting(lambda: client))

How it works. An AsyncSession runs SQLAlchemy's synchronous core in a greenlet, from which a coroutine can be awaited: that is
where the calls to Hlídka are made, and why this does not work with a synchronous Session.

- A flush encrypts, before any SQL, what was set: one call for each owner among its rows. The context is the table's and the
  column's name and the named attributes; they and the owner must be there before the flush, so give a row its key yourself
  (a UUID) and not by the database's sequence. When one of them changes, the column is encrypted anew.
- A select is read whole, then all that it loaded is decrypted in as few calls as it takes, then you get the rows. What does
  not open (its owner was erased, its row's key was changed behind the session's back) raises, unless the column has
  `lost=…`, a text to show in its place.
- What comes past the ORM is not decrypted: `select(Lesson.notes)` and rows of a stream carry `Sealed` (`await reveal(session,
  rows)` opens those of a stream), and what is written past it (`insert(Lesson).values(notes=…)`) raises before any SQL.
- The text is in memory only, and a condition on the column compares ciphertexts: none is ever equal to another.
"""
from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, LargeBinary, event, inspect
from sqlalchemy.engine import Result
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, UOWTransaction, object_session
from sqlalchemy.orm.attributes import flag_modified, set_committed_value
from sqlalchemy.types import TypeDecorator
from sqlalchemy.util import await_only

from . import columns
from .client import Client
from .errors import Refused

GetClient = Callable[[], Client]
CLIENT = "hlidka.client"        # where Session.info has it
LOADED = "hlidka.loaded"


class Sealed(bytes):
    """A ciphertext that has not been opened."""

    def __repr__(self) -> str:
        return f"<sealed, {len(self)} bytes>"


class Opened(str):
    """A text, and the ciphertext that stands for it in the database."""
    __slots__ = ("ciphertext",)
    ciphertext: bytes

    @classmethod
    def of(cls, text: str, ciphertext: bytes) -> Opened:
        opened = cls(text)
        opened.ciphertext = ciphertext
        return opened


class Encrypted(TypeDecorator[str]):
    """`owner` and `context` name attributes of the same row; `owner` is the person by whose keys it is encrypted."""
    impl = LargeBinary
    cache_ok = True

    def __init__(self, *, owner: str | None = None, context: tuple[str, ...] = (), lost: str | None = None) -> None:
        super().__init__()
        self.owner, self.context, self.lost = owner, context, lost

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        if value is None or isinstance(value, Sealed):
            return value
        if not isinstance(value, Opened):
            raise InvalidRequestError("an encrypted column is written by the flush of a session made with encrypting(…)")
        return value.ciphertext

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        return None if value is None else Sealed(value)


@dataclass(frozen=True, slots=True)
class _Cell:
    row: Any
    name: str
    type: Encrypted
    table: str
    column: str

    @property
    def value(self) -> Any:
        return inspect(self.row).dict.get(self.name)

    @property
    def owner(self) -> str | None:
        return None if self.type.owner is None else self._text(self.type.owner)

    @property
    def context(self) -> dict[str, str]:
        bound = {name: self._text(name) for name in self.type.context}
        return {"table": self.table, "column": self.column, **bound}

    def _text(self, name: str) -> str:
        value = inspect(self.row).dict.get(name)
        if value is None:
            raise InvalidRequestError(f"{self.table}.{self.column} is bound to `{name}`, which must be there before the flush")
        return str(value)

    def stale(self) -> bool:
        """Set, or bound to what was set, since the row was loaded."""
        attrs = inspect(self.row).attrs
        names = (self.name, *self.type.context, *((self.type.owner,) if self.type.owner else ()))
        return any(attrs[name].history.has_changes() for name in names)


def _cells(row: Any) -> Iterator[_Cell]:
    mapper: Mapper[Any] = inspect(row).mapper
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if isinstance(column.type, Encrypted):
            yield _Cell(row, attribute.key, column.type, str(getattr(column.table, "name", "")), column.name)


async def _encrypt(client: Client, cells: list[_Cell]) -> None:
    by_owner: dict[str | None, list[_Cell]] = defaultdict(list)
    for cell in cells:
        by_owner[cell.owner].append(cell)

    async def of_one(owner: str | None, cells: list[_Cell]) -> None:
        items = [columns.Plain(str(cell.value).encode(), cell.context) for cell in cells]
        for cell, ciphertext in zip(cells, await columns.encrypt(client, items, owner=owner), strict=True):
            setattr(cell.row, cell.name, Opened.of(str(cell.value), ciphertext))
            flag_modified(cell.row, cell.name)

    await asyncio.gather(*(of_one(owner, cells) for owner, cells in by_owner.items()))


async def _decrypt(client: Client, cells: list[_Cell]) -> None:
    items = [columns.Sealed(bytes(cell.value), cell.context) for cell in cells]
    for cell, opened in zip(cells, await columns.decrypt(client, items), strict=True):
        if isinstance(opened, Refused):
            if cell.type.lost is None:
                raise opened
            text = cell.type.lost
        else:
            text = opened.decode()
        set_committed_value(cell.row, cell.name, Opened.of(text, bytes(cell.value)))


async def reveal(session: AsyncSession, rows: Iterable[Any]) -> None:
    """Opens what these rows hold sealed: rows of `session.stream`."""
    sealed = [cell for row in rows for cell in _cells(row) if isinstance(cell.value, Sealed)]
    await _decrypt(session.sync_session.info[CLIENT](), sealed)


def encrypting(client: GetClient) -> type[Session]:
    """A Session class for `async_sessionmaker(engine, sync_session_class=…)`; `client()` is asked for when it is needed."""
    class Encrypting(Session):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.info[CLIENT] = client

    event.listen(Encrypting, "before_flush", _before_flush)
    event.listen(Encrypting, "loaded_as_persistent", _loaded)
    event.listen(Encrypting, "do_orm_execute", _execute)
    return Encrypting


def _before_flush(session: Session, _: UOWTransaction, __: object) -> None:
    cells = [cell for row in (*session.new, *session.dirty) for cell in _cells(row)
             if cell.value is not None and not isinstance(cell.value, Sealed) and cell.stale()]
    if cells:
        await_only(_encrypt(session.info[CLIENT](), cells))


def _loaded(session: Session, row: Any) -> None:
    if LOADED in session.info:
        session.info[LOADED].append(row)


@event.listens_for(Mapper, "refresh")
def _refreshed(row: Any, context: Any, names: Any) -> None:
    session = object_session(row)
    if session is not None:
        _loaded(session, row)


def _execute(state: ORMExecuteState) -> Result[Any] | None:
    options, info = state.execution_options, state.session.info
    if not state.is_select or options.get("yield_per") or options.get("stream_results"):
        return None
    outer, info[LOADED] = info.get(LOADED), []      # a select may run inside another's: selectinload
    try:
        frozen = state.invoke_statement().freeze()
        sealed = [cell for row in info[LOADED] for cell in _cells(row) if isinstance(cell.value, Sealed)]
        if sealed:
            await_only(_decrypt(info[CLIENT](), sealed))
        return frozen()
    finally:
        if outer is None:
            del info[LOADED]
        else:
            info[LOADED] = outer
