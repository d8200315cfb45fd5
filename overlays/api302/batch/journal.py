"""The journal of a batch: what became of each job, on disk before anything depends on it.

SQLite for one machine, PostgreSQL with the same tables for several. A job is `planned`, `sent`
(committed before its bytes leave), `accepted` (a task, with its id and request id), `done` (the
response is here, its files are not), `saved`; or it ended as `failed` or `unknown` (sent, and
nobody knows what became of it).
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.event import listen
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from api302._errors import Api302Error, InvalidArgument
from api302._secret import without_credentials

VERSION = 1
State = Literal["planned", "sent", "accepted", "done", "saved", "failed", "unknown"]
STATES: tuple[State, ...] = ("planned", "sent", "accepted", "done", "saved", "failed", "unknown")
OPEN: tuple[State, ...] = ("planned", "sent", "accepted", "done")
"""The states that are not the end of a job."""
PAGE = 500
LONGEST_REQUEST_ID = 200
PATIENCE = 60.0
"""Seconds that a writer waits for a database that is locked."""

Row = dict[str, Any]

_tables = sa.MetaData()
about: sa.Table = sa.Table(
    "api302_batch",
    _tables,
    sa.Column("batch", sa.String(200), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
jobs: sa.Table = sa.Table(
    "api302_jobs",
    _tables,
    sa.Column("batch", sa.String(200), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("call", sa.String(200), nullable=False),
    sa.Column("vendor", sa.String(64), nullable=False),
    sa.Column("arguments", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("turn", sa.Integer, nullable=False, default=0),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("polls", sa.Integer, nullable=False, default=0),
    sa.Column("sent_at", sa.Float),
    sa.Column("until", sa.Float),
    sa.Column("due", sa.Float),
    sa.Column("estimate", sa.Float),
    sa.Column("reserved", sa.Float),
    sa.Column("cost", sa.Float),
    sa.Column("request_id", sa.String(LONGEST_REQUEST_ID)),
    sa.Column("task", sa.Text),
    sa.Column("response", sa.Text),
    sa.Column("outputs", sa.Text),
    sa.Column("files", sa.Text),
    sa.Column("error", sa.Text),
    sa.UniqueConstraint("batch", "key", name="api302_jobs_key"),
    sa.Index("api302_jobs_state", "batch", "state", "vendor", "number"),
)
uploads: sa.Table = sa.Table(
    "api302_uploads",
    _tables,
    sa.Column("batch", sa.String(200), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),
)
names: sa.Table = sa.Table(
    "api302_names",
    _tables,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("mark", sa.String(64), nullable=False),
)
"""Which content has the name of a file, for all batches whose files go to one place."""
rates: sa.Table = sa.Table(
    "api302_rates",
    _tables,
    sa.Column("batch", sa.String(200), primary_key=True),
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("until", sa.Float, nullable=False),
)
"""For engines of several processes: when the next request of a vendor may go, at the earliest."""


class Journal:
    """The journal of one batch. Its methods block; each is one transaction."""

    def __init__(self, engine: sa.Engine, batch: str, where: str) -> None:
        self.engine: sa.Engine = engine
        self.batch: str = batch
        self.where: str = where
        self._updates: dict[tuple[str, ...], sa.Update] = {}

    # --- opening ----------------------------------------------------------------------------------

    @classmethod
    def open(
        cls, where: str | os.PathLike[str], batch: str = "batch", create: bool = True
    ) -> Journal:
        """The journal in a file, or at the URL of a database.

        Args:
            where: A path, or a URL such as `postgresql+psycopg://user@host/name`.
            batch: The name of the batch, for a database that has several.
            create: Make it if it does not exist.

        Raises:
            InvalidArgument: it cannot be opened, is of another version, or does not exist.
        """
        text = os.fspath(where)
        is_url = "://" in text
        if not is_url and not create and not Path(text).exists():
            raise InvalidArgument(
                f"journal: there is none at {text!r}; `api302 batch run` makes it"
            )
        try:
            engine = _engine(text if is_url else f"sqlite:///{Path(text).absolute()}")
            journal = cls(engine, batch, _shown(engine, text))
            try:
                journal._set_up()
            except BaseException:
                journal.close()
                raise
        except InvalidArgument:
            raise
        except (SQLAlchemyError, ImportError, ValueError) as error:
            reason = _reason(error)
            raise InvalidArgument(
                f"journal: {text.partition('?')[0].rpartition('@')[2]!r} cannot be opened"
                f" ({reason}); give a path, or a URL of SQLAlchemy"
            ) from None
        return journal

    def _set_up(self) -> None:
        try:
            self._make_tables()
        except SQLAlchemyError:  # another process makes them just now
            self._make_tables()
        version = self.get("version")
        if version is None:
            self.set("version", str(VERSION))
        elif version != str(VERSION):
            raise InvalidArgument(
                f"journal: {self.where} is of version {version}, and this api302 reads version"
                f" {VERSION}; finish the batch with the api302 that began it, or begin another in"
                " another folder (--out)"
            )

    def _make_tables(self) -> None:
        if _tables.tables.keys() <= {*sa.inspect(self.engine).get_table_names()}:
            return
        with self.engine.begin() as connection:
            for table in _tables.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine."""
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    @contextmanager
    def owned(self) -> Generator[None]:
        """Within `with`, no other runner has the journal.

        Raises InvalidArgument if one has it, and Api302Error if the journal cannot be written. The
        lock ends with the process, however it ends.
        """
        try:
            with self._lock():
                yield
        except SQLAlchemyError as error:
            raise not_written(self.where, error) from None

    @contextmanager
    def _lock(self) -> Generator[None]:
        if self.is_local:
            with _file_lock(f"{self.engine.url.database}.lock", self.where):
                yield
            return
        connection = self.engine.connect()
        try:
            connection.detach()  # closed at the end, and not kept: the lock goes with it
            number = sa.func.hashtext(f"api302 batch {self.batch}")
            if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(number))):
                raise _in_use(self.where, "another process")
            try:
                yield
            finally:
                with suppress(SQLAlchemyError):  # a server takes a moment to see a connection end
                    connection.scalar(sa.select(sa.func.pg_advisory_unlock(number)))
        finally:
            with suppress(SQLAlchemyError):  # of a server that has gone: it must hide no error
                connection.close()

    # --- facts about the batch --------------------------------------------------------------------

    def get(self, name: str) -> str | None:
        """A fact about the batch."""
        where = (about.c.batch == self.batch) & (about.c.name == name)
        with self.engine.connect() as connection:
            return connection.scalar(sa.select(about.c.value).where(where))

    def set(self, name: str, value: str) -> None:
        """Note a fact about the batch."""
        where = (about.c.batch == self.batch) & (about.c.name == name)
        change = about.update().where(where).values(value=storable(value))
        new = {"batch": self.batch, "name": name, "value": storable(value)}
        try:
            with self.engine.begin() as connection:
                if not connection.execute(change).rowcount:
                    connection.execute(about.insert().values(**new))
        except IntegrityError:  # another process noted it just now
            with self.engine.begin() as connection:
                connection.execute(change)

    def identity(self) -> str:
        """What no other journal has, one that is begun anew in the place of this one either."""
        known = self.get("id")
        if known is None:
            new = {"batch": self.batch, "name": "id", "value": secrets.token_hex(8)}
            with suppress(IntegrityError), self.engine.begin() as connection:
                connection.execute(about.insert().values(**new))
            known = self.get("id")  # another process may have been first
        return known or ""

    # --- planning ---------------------------------------------------------------------------------

    def last_number(self) -> int:
        """The number of the job that was planned last; 0 if there is none."""
        where = jobs.c.batch == self.batch
        with self.engine.connect() as connection:
            return connection.scalar(sa.select(sa.func.max(jobs.c.number)).where(where)) or 0

    @contextmanager
    def planning(self) -> Generator[Plan]:
        """Within `with`, jobs are planned, all in one transaction."""
        with self.engine.begin() as connection:
            yield Plan(self.batch, connection)

    # --- what became of jobs ----------------------------------------------------------------------

    def write(self, changes: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Note what became of jobs, in order, all in one transaction."""
        with self.engine.begin() as connection:
            for names, rows in _runs(changes):
                connection.execute(self._update(names), rows)

    def _update(self, names: tuple[str, ...]) -> sa.Update:
        statement = self._updates.get(names)
        if statement is None:
            where = (jobs.c.batch == self.batch) & (jobs.c.number == sa.bindparam("of_number"))
            values: dict[str, Any] = {name: sa.bindparam(f"to_{name}") for name in names}
            statement = self._updates[names] = jobs.update().where(where).values(values)
        return statement

    def claim(self, number: int, turn: int, change: Mapping[str, Any]) -> bool:
        """Note what became of a job, if it is still at this turn; whether it was."""
        where = (jobs.c.batch == self.batch) & (jobs.c.number == number) & (jobs.c.turn == turn)
        return self._changed(where, change)

    def _changed(self, where: Any, change: Mapping[str, Any]) -> bool:
        statement = jobs.update().where(where).values(_storable(change))
        with self.engine.begin() as connection:
            return bool(connection.execute(statement).rowcount)

    def row(self, number: int) -> Row | None:
        """A job."""
        where = (jobs.c.batch == self.batch) & (jobs.c.number == number)
        return next(iter(self._rows(where, 1)), None)

    def rows(
        self,
        states: Iterable[str] = STATES,
        *,
        vendor: str | None = None,
        after: int = 0,
        limit: int = PAGE,
    ) -> list[Row]:
        """Jobs in these states, by number, from the one after `after` on."""
        where = (jobs.c.batch == self.batch) & jobs.c.state.in_(tuple(states))
        where &= jobs.c.number > after
        if vendor is not None:
            where &= jobs.c.vendor == vendor
        return self._rows(where, limit)

    def all_rows(self, states: Iterable[str] = STATES) -> Iterator[Row]:
        """All jobs in these states, page by page."""
        states, after = tuple(states), 0
        while rows := self.rows(states, after=after):
            yield from rows
            after = rows[-1]["number"]

    def _rows(self, where: Any, limit: int) -> list[Row]:
        statement = sa.select(jobs).where(where).order_by(jobs.c.number).limit(limit)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def request_ids(self) -> list[str]:
        """The request ids of all jobs."""
        where = (jobs.c.batch == self.batch) & jobs.c.request_id.is_not(None)
        with self.engine.connect() as connection:
            return [
                str(one) for one in connection.scalars(sa.select(jobs.c.request_id).where(where))
            ]

    def rescue(self, number: int, change: Mapping[str, Any]) -> bool:
        """Note what became of a job that was held for unknown before its response came."""
        where = (jobs.c.batch == self.batch) & (jobs.c.number == number)
        where &= jobs.c.state == "unknown"
        return self._changed(where, change)

    def fresh(self, limit: int) -> list[Row]:
        """The next planned jobs that no engine has queued."""
        where = (jobs.c.batch == self.batch) & (jobs.c.state == "planned") & jobs.c.due.is_(None)
        return self._rows(where, limit)

    def queued(self) -> int:
        """How many planned jobs an engine has queued."""
        return self._count((jobs.c.state == "planned") & jobs.c.due.is_not(None))

    def in_hand(self) -> int:
        """How many jobs an engine has begun, or queued, that have no end."""
        is_begun = (jobs.c.state != "planned") | jobs.c.due.is_not(None)
        return self._count(jobs.c.state.in_(OPEN) & is_begun)

    def _count(self, where: Any) -> int:
        of_batch = jobs.c.batch == self.batch
        count = sa.select(sa.func.count()).select_from(jobs).where(of_batch, where)
        with self.engine.connect() as connection:
            return connection.scalar(count) or 0

    def forgotten(self, before: float, limit: int) -> list[Row]:
        """Jobs whose next step was due before a time, and was not taken.

        Those that another engine began have no time of their own: they are due.
        """
        is_late = (jobs.c.due < before) | (jobs.c.due.is_(None) & (jobs.c.state != "planned"))
        where = (jobs.c.batch == self.batch) & jobs.c.state.in_(OPEN) & is_late
        return self._rows(where, limit)

    def batches(self, engine: str) -> list[str]:
        """The names of the batches in this database that an engine runs."""
        where = (about.c.name == "engine") & (about.c.value == engine)
        with self.engine.connect() as connection:
            return list(connection.scalars(sa.select(about.c.batch).where(where)))

    def move(self, from_: str, **to: Any) -> int:
        """Note the same of all jobs in a state, and count them."""
        where = (jobs.c.batch == self.batch) & (jobs.c.state == from_)
        with self.engine.begin() as connection:
            return connection.execute(jobs.update().where(where).values(**to)).rowcount

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        count = sa.select(jobs.c.state, sa.func.count()).where(jobs.c.batch == self.batch)
        with self.engine.connect() as connection:
            rows = connection.execute(count.group_by(jobs.c.state)).all()
        found: dict[str, int] = {row[0]: row[1] for row in rows}
        return {state: found.get(state, 0) for state in STATES}

    def vendors(self, state: str = "planned") -> list[str]:
        """The vendors of the jobs in a state."""
        where = (jobs.c.batch == self.batch) & (jobs.c.state == state)
        with self.engine.connect() as connection:
            return list(connection.scalars(sa.select(jobs.c.vendor).where(where).distinct()))

    # --- money ------------------------------------------------------------------------------------

    def money(self) -> tuple[float, float]:
        """PTC that jobs cost as far as it is known, and PTC reserved for the others."""
        known = sa.func.sum(jobs.c.cost)
        reserved = sa.func.sum(sa.case((jobs.c.cost.is_(None), jobs.c.reserved)))
        statement = sa.select(known, reserved).where(jobs.c.batch == self.batch)
        with self.engine.connect() as connection:
            cost, held = connection.execute(statement).one()
        return float(cost or 0), float(held or 0)

    def unsettled(self, limit: int) -> list[Row]:
        """Jobs for which more is reserved than nothing, and that can be asked for."""
        where = (jobs.c.batch == self.batch) & jobs.c.cost.is_(None)
        where &= (jobs.c.reserved > 0) & jobs.c.request_id.is_not(None)
        return self._rows(where, limit)

    # --- uploads ----------------------------------------------------------------------------------

    def upload(self, sha256: str) -> str | None:
        """The URL of a file that was uploaded before, unless it may be gone."""
        where = (uploads.c.batch == self.batch) & (uploads.c.sha256 == sha256)
        where &= uploads.c.expires > time.time()
        with self.engine.connect() as connection:
            return connection.scalar(sa.select(uploads.c.url).where(where))

    def uploaded(self, sha256: str, url: str, expires: float) -> None:
        """Note the URL of a file."""
        key = {"batch": self.batch, "sha256": sha256}
        where = (uploads.c.batch == self.batch) & (uploads.c.sha256 == sha256)
        with self.engine.begin() as connection:
            connection.execute(uploads.delete().where(where))
            connection.execute(uploads.insert().values(**key, url=url, expires=expires))

    # --- names of files ---------------------------------------------------------------------------

    def named(self, name: str, mark: str) -> str:
        """What stands for the content that has a name: this one, if it is the first to ask."""
        with suppress(IntegrityError), self.engine.begin() as connection:
            connection.execute(names.insert().values(name=name, mark=mark))
            return mark
        with self.engine.connect() as connection:
            held = connection.scalar(sa.select(names.c.mark).where(names.c.name == name))
        return held or mark


class Plan:
    """Jobs that are being planned: all of them, or, if this raises, none."""

    def __init__(self, batch: str, connection: sa.Connection) -> None:
        self._batch, self._connection = batch, connection

    def digests(self, keys: Sequence[str]) -> dict[str, str]:
        """By key, what stands for call and arguments, of the jobs that are planned already."""
        where = (jobs.c.batch == self._batch) & jobs.c.key.in_(keys)
        found = self._connection.execute(sa.select(jobs.c.key, jobs.c.digest).where(where)).all()
        return {row[0]: row[1] for row in found}

    def add(self, rows: Sequence[Row]) -> None:
        """Add planned jobs."""
        fixed = {"batch": self._batch, "state": "planned", "turn": 0, "tries": 0, "polls": 0}
        if rows:
            self._connection.execute(jobs.insert(), [{**fixed, **_storable(row)} for row in rows])


def _engine(url: str) -> sa.Engine:
    # What is written is no part of an error: prompts and responses.
    options: dict[str, Any] = {"hide_parameters": True}
    engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"), **options)
    if engine.dialect.name == "sqlite":
        listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    """What is committed is on disk: WAL, synced at each commit."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(PATIENCE * 1000)}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _shown(engine: sa.Engine, text: str) -> str:
    """Where a journal is, without a password."""
    shown = engine.url.render_as_string(hide_password=True).partition("?")[0]
    return shown if "://" in text else repr(text)


def _runs(
    changes: Iterable[tuple[int, Mapping[str, Any]]],
) -> Iterator[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    """Changes of the same columns that follow each other, together."""
    names: tuple[str, ...] = ()
    rows: list[dict[str, Any]] = []
    for number, change in changes:
        these = tuple(change)
        if these != names and rows:
            yield names, rows
            rows = []
        names = these
        fit = _storable(change)
        rows.append({"of_number": number, **{f"to_{name}": fit[name] for name in these}})
    if rows:
        yield names, rows


def _storable(change: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as a database takes them: one value that it refuses would end the whole batch."""
    fit = {
        name: storable(value) if isinstance(value, str) else value for name, value in change.items()
    }
    if request_id := fit.get("request_id"):
        fit["request_id"] = request_id[:LONGEST_REQUEST_ID]
    return fit


def storable(text: str) -> str:
    """A text that can be UTF-8 in a database.

    Half of a surrogate pair becomes its escape in JSON, which is what nearly all texts here are.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode(errors="backslashreplace").decode()
    return text.replace("\0", "\\u0000")


def not_written(where: str, error: Exception) -> Api302Error:
    """The error for a journal that cannot be written: without what was to be written."""
    return Api302Error(
        f"journal: {where} cannot be written ({_reason(error)}); nothing more is sent without it."
        " Make room, or reach the database again, and go on with the same command"
    )


def _reason(error: Exception) -> str:
    """What a database says, in a line, without passwords."""
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return without_credentials(said)


# --- the lock -------------------------------------------------------------------------------------


def _in_use(where: str, who: str) -> InvalidArgument:
    return InvalidArgument(
        f"journal: {where} is in use by {who}; wait for it or stop it, look at it with"
        " `api302 batch status`, or begin another batch in another folder (--out)"
    )


@contextmanager
def _file_lock(path: str, where: str) -> Generator[None]:
    with open(path, "a+", encoding="ascii") as file:
        file.seek(0)
        holder = file.read().strip()
        if not _locked(file.fileno()):
            raise _in_use(where, f"process {holder}" if holder else "another process")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _locked(descriptor: int) -> bool:
    """Whether the lock of a file could be taken. It goes with the process."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1 << 20, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
