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
  (a UUID) and not by the database's sequence. When one of them changes, the column is encrypted anew; where the row does not
  hold its text (expired, deferred, streamed), that is read from the database first, a query for each such row. What does not
  open cannot be bound anew and raises, `lost=…` or not.
- A select is read whole, then all that it loaded is decrypted in as few calls as it takes, then you get the rows. What does
  not open (its owner was erased, its row's key was changed behind the session's back) raises, unless the column has
  `lost=…`, a text to show in its place.
- What comes past the ORM is not decrypted: `select(Lesson.notes)` and rows of a stream carry `Sealed` (`await reveal(session,
  rows)` opens those of a stream), and what is written past it (`insert(Lesson).values(notes=…)`) raises before any SQL. So
  does an `update(Lesson)` of what a column is bound to.
- The text is in memory only, and a condition on the column compares ciphertexts: none is ever equal to another.
"""
from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, LargeBinary, Update, event, inspect, select
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
MADE = "hlidka.made"            # the cells of the flush that runs


class Sealed(bytes):
    """A ciphertext that has not been opened."""

    def __repr__(self) -> str:
        return f"<sealed, {len(self)} bytes>"


class _Lost(str):
    """What is shown in place of a text that does not open."""


class _Made(str):
    """A text, the ciphertext that a flush made of it and what that is bound to: for this one write of this one cell."""
    __slots__ = ("bound", "ciphertext")
    bound: tuple[str | None, dict[str, str]]
    ciphertext: bytes | None        # none when that flush is over

    @classmethod
    def of(cls, text: str, ciphertext: bytes, bound: tuple[str | None, dict[str, str]]) -> _Made:
        made = cls(text)
        made.ciphertext, made.bound = ciphertext, bound
        return made


class Encrypted(TypeDecorator[str]):
    """`owner` and `context` name attributes of the same row; `owner` is the person by whose keys it is encrypted."""
    impl = LargeBinary
    cache_ok = True

    def __init__(self, *, owner: str | None = None, context: tuple[str, ...] = (), lost: str | None = None) -> None:
        super().__init__()
        self.owner, self.context, self.lost = owner, context, lost

    @property
    def bound(self) -> tuple[str, ...]:
        return (*self.context, self.owner) if self.owner else self.context

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, _Made) or value.ciphertext is None:
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

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"

    @property
    def value(self) -> Any:
        return inspect(self.row).dict.get(self.name)

    def bound(self, stored: Mapping[str, Any] | None = None) -> tuple[str | None, dict[str, str]]:
        """The owner and the context: of the row, and for what it does not hold, of `stored`."""
        return self.bound_to({**(stored or {}), **inspect(self.row).dict})

    def bound_to(self, values: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
        for name in self.type.bound:
            if values.get(name) is None:
                raise InvalidRequestError(f"{self} is bound to `{name}`, which must be there before the flush")
        owner = None if self.type.owner is None else str(values[self.type.owner])
        context = {name: str(values[name]) for name in self.type.context}
        return owner, {"table": self.table, "column": self.column, **context}

    def empty(self) -> bool:
        """Known to be null."""
        return self.name in inspect(self.row).dict and self.value is None

    def missing(self) -> bool:
        """The row does not hold all that this is bound to."""
        return any(name not in inspect(self.row).dict for name in self.type.bound)

    def changed(self, *names: str) -> bool:
        """Since the row was loaded."""
        attrs = inspect(self.row).attrs
        return any(attrs[name].history.has_changes() for name in names)

    def stored(self, session: Session, *, lock: bool = False) -> dict[str, Any]:
        """What the database has of this row: what is in memory may be expired, or be changed and not written yet.
        `lock`: it is about to be written, and what another transaction writes meanwhile is not to be lost."""
        state = inspect(self.row)
        mapper: Mapper[Any] = state.mapper
        names = (self.name, *self.type.bound)
        mine = [key == value for key, value in zip(mapper.primary_key, state.identity or (), strict=True)]
        query = select(*(mapper.columns[name].label(f"c{n}") for n, name in enumerate(names)))
        if lock:
            query = query.with_for_update()
        connection = session.connection(bind_arguments={"mapper": mapper})
        row = connection.execute(query.select_from(mapper.persist_selectable).where(*mine)).one()
        return dict(zip(names, row, strict=True))


def _cells(row: Any) -> Iterator[_Cell]:
    mapper: Mapper[Any] = inspect(row).mapper
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if isinstance(column.type, Encrypted):
            yield _Cell(row, attribute.key, column.type, str(getattr(column.table, "name", "")), column.name)


@dataclass(frozen=True, slots=True)
class _Text:
    """What is to be encrypted."""
    cell: _Cell
    text: str
    bound: tuple[str | None, dict[str, str]]


async def _encrypt(client: Client, texts: list[_Text]) -> None:
    by_owner: dict[str | None, list[_Text]] = defaultdict(list)
    for text in texts:
        by_owner[text.bound[0]].append(text)

    async def of_one(owner: str | None, texts: list[_Text]) -> None:
        items = [columns.Plain(text.text.encode(), text.bound[1]) for text in texts]
        for text, ciphertext in zip(texts, await columns.encrypt(client, items, owner=owner), strict=True):
            cell = text.cell
            setattr(cell.row, cell.name, _Made.of(text.text, ciphertext, text.bound))
            flag_modified(cell.row, cell.name)

    await asyncio.gather(*(of_one(owner, texts) for owner, texts in by_owner.items()))


def _open(session: Session, cells: list[_Cell]) -> None:
    """Sealed cells, each by what it is bound to in the database, whatever was set in memory since."""
    if not cells:
        return
    items = []
    for cell in cells:
        unsure = cell.missing() or cell.changed(*cell.type.bound)
        _, context = cell.bound_to(cell.stored(session)) if unsure else cell.bound()
        items.append(columns.Sealed(bytes(cell.value), context))
    for cell, opened in zip(cells, await_only(columns.decrypt(session.info[CLIENT](), items)), strict=True):
        if not isinstance(opened, Refused):
            set_committed_value(cell.row, cell.name, opened.decode())
        elif cell.type.lost is None:
            raise opened
        else:
            set_committed_value(cell.row, cell.name, _Lost(cell.type.lost))


async def reveal(session: AsyncSession, rows: Iterable[Any]) -> None:
    """Opens what these rows hold sealed: rows of `session.stream`."""
    sealed = [cell for row in rows for cell in _cells(row) if isinstance(cell.value, Sealed)]
    await session.run_sync(_open, sealed)


def encrypting(client: GetClient) -> type[Session]:
    """A Session class for `async_sessionmaker(engine, sync_session_class=…)`; `client()` is asked for when it is needed."""
    class Encrypting(Session):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.info[CLIENT] = client

    event.listen(Encrypting, "before_flush", _before_flush)
    event.listen(Encrypting, "after_flush", _flushed)
    event.listen(Encrypting, "after_soft_rollback", _flushed)
    event.listen(Encrypting, "loaded_as_persistent", _loaded)
    event.listen(Encrypting, "do_orm_execute", _execute)
    return Encrypting


def _before_flush(session: Session, _: UOWTransaction, __: object) -> None:
    texts: list[_Text] = []
    sealed: list[tuple[_Cell, dict[str, Any]]] = []
    for cell in (cell for row in (*session.new, *session.dirty) for cell in _cells(row)):
        if isinstance(cell.value, Sealed) and cell.changed(cell.name):
            raise InvalidRequestError(f"{cell} was set to a ciphertext: set it to a text")
        held = cell.name in inspect(cell.row).dict and not isinstance(cell.value, Sealed | _Lost)
        if held or cell.changed(cell.name):
            if cell.value is not None and cell.changed(cell.name, *cell.type.bound):
                known = cell.stored(session, lock=True) if cell.missing() and inspect(cell.row).has_identity else None
                texts.append(_Text(cell, str(cell.value), cell.bound(known)))
        elif inspect(cell.row).has_identity and cell.changed(*cell.type.bound):
            stored = cell.stored(session, lock=True)
            if stored[cell.name] is None:
                set_committed_value(cell.row, cell.name, None)
            else:
                sealed.append((cell, stored))
    if sealed:
        texts += _reopened(session, sealed)
    if texts:
        session.info.setdefault(MADE, []).extend(text.cell for text in texts)
        await_only(_encrypt(session.info[CLIENT](), texts))


def _reopened(session: Session, sealed: list[tuple[_Cell, dict[str, Any]]]) -> Iterator[_Text]:
    """The texts of cells that are bound anew and that the rows do not hold."""
    items = [columns.Sealed(bytes(stored[cell.name]), cell.bound_to(stored)[1]) for cell, stored in sealed]
    for (cell, stored), opened in zip(sealed, await_only(columns.decrypt(session.info[CLIENT](), items)), strict=True):
        if isinstance(opened, Refused):
            raise InvalidRequestError(f"{cell} does not open, so it cannot be bound to other values: "
                                      "set it too, to a text or None") from opened
        yield _Text(cell, opened.decode(), cell.bound(stored))


def _flushed(session: Session, _: object) -> None:
    """What a flush made serves no other statement."""
    for cell in session.info.pop(MADE, ()):
        if isinstance(made := cell.value, _Made):
            made.ciphertext = None
            inspect(cell.row).dict[cell.name] = str(made)


@event.listens_for(Mapper, "before_insert")
@event.listens_for(Mapper, "before_update")
def _before_write(_: object, __: object, row: Any) -> None:
    """What a relationship sets, it sets in the middle of the flush: too late to encrypt."""
    for cell in _cells(row):
        made = cell.value
        if isinstance(made, _Made):
            owner, context = made.bound
            if made.bound != cell.bound({**context, **({cell.type.owner: owner} if cell.type.owner else {})}):
                raise InvalidRequestError(f"{cell}: what it is bound to changed in the flush: set it before")
        elif inspect(row).has_identity and not cell.empty() and cell.changed(*cell.type.bound):
            raise InvalidRequestError(f"{cell}: what it is bound to was changed by a relationship, or in a session not made "
                                      f"with encrypting(…): set the attribute itself, before the flush")


def _loaded(session: Session, row: Any) -> None:
    if LOADED in session.info:
        session.info[LOADED].append(row)


@event.listens_for(Mapper, "refresh")
def _refreshed(row: Any, context: Any, names: Any) -> None:
    session = object_session(row)
    if session is not None:
        _loaded(session, row)


def _refuse_rebinding(state: ORMExecuteState, statement: Update) -> None:
    """A ciphertext does not follow what a bulk update sets."""
    mapper, table = state.bind_mapper, statement.table
    names = {str(getattr(key, "key", key)) for key in statement._values or ()}
    rows = state.parameters if isinstance(state.parameters, list) else [state.parameters or {}]
    keys = {str(column.key) for column in mapper.primary_key} if mapper and state.is_executemany else set()
    names |= {str(name) for row in rows for name in row} - keys
    for column in table.columns:
        for name in column.type.bound if isinstance(column.type, Encrypted) else ():
            if {name, str(mapper.columns[name].key) if mapper else name} & names:
                raise InvalidRequestError(f"{table}.{column.name} is an encrypted column bound to `{name}`: "
                                          "set that on the rows of a session")


def _execute(state: ORMExecuteState) -> Result[Any] | None:
    options, info = state.execution_options, state.session.info
    if isinstance(state.statement, Update):
        _refuse_rebinding(state, state.statement)
    if not state.is_select or options.get("yield_per") or options.get("stream_results"):
        return None
    outer, info[LOADED] = info.get(LOADED), []      # a select may run inside another's: selectinload
    try:
        frozen = state.invoke_statement().freeze()
        sealed = [cell for row in info[LOADED] for cell in _cells(row) if isinstance(cell.value, Sealed)]
        _open(state.session, sealed)
        return frozen()
    finally:
        if outer is None:
            del info[LOADED]
        else:
            info[LOADED] = outer
