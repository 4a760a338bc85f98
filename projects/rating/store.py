"""Store what raters see and answer in one SQLite file. Every answer is on the disk before the page confirms it."""

import json
import random
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from semrestore.errors import UserError

VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS study (
  version INTEGER NOT NULL, methods TEXT NOT NULL, images TEXT NOT NULL, count INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS rater (id TEXT PRIMARY KEY, started TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS item (
  rater TEXT NOT NULL REFERENCES rater(id), position INTEGER NOT NULL, image TEXT NOT NULL, methods TEXT NOT NULL,
  scores TEXT NOT NULL, answered TEXT, PRIMARY KEY (rater, position), UNIQUE (rater, image)
);
"""


@dataclass(frozen=True)
class Item:
    """Hold one image as a rater sees it."""

    position: int
    image: str
    methods: list[str]
    """In the order of their places on the page."""

    scores: list[int | None]
    """Of the methods: 1 for the lowest quality to their number for the highest; ``None`` where there is none yet."""


class Store:
    """Read and write a study's file.

    Args:
        path: SQLite file; made where it does not exist.
        methods: Of the study, in the order of the report; ``None`` to read a study that is there.
        images: Their names.
        count: How many of them each rater is shown, drawn anew for each.

    Raises:
        UserError: It is no study's file, or another study's.
    """

    def __init__(
        self, path: str | Path, methods: Sequence[str] | None = None, images: Sequence[str] = (), count: int = 10
    ) -> None:
        self.path = Path(path)
        if methods is None and not self.path.is_file():
            raise UserError(f"the study '{self.path}' does not exist. Make one by 'python -m projects.rating serve'")
        if not self.path.absolute().parent.is_dir():
            raise UserError(f"'{self.path}' cannot be created: the folder '{self.path.parent}' does not exist")
        try:
            if self.path.is_file() and self.path.stat().st_size:  # somebody's own database is left as it is
                with self._connection() as connection:
                    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'study'").fetchone():
                        raise UserError(f"'{self.path}' is not a study")
            with self._connection(write=methods is not None) as connection:
                for statement in () if methods is None else _TABLES.split(';'):
                    connection.execute(statement)
                row = connection.execute('SELECT version, methods, images, count FROM study').fetchone()
                if row is None and methods is not None:
                    row = (VERSION, json.dumps(list(methods)), json.dumps(list(images)), count)
                    connection.execute('INSERT INTO study VALUES (?, ?, ?, ?)', row)
        except sqlite3.Error as error:
            raise UserError(f"'{self.path}' cannot be used as the file of a study: {error}") from None
        if row is None:
            raise UserError(f"'{self.path}' is not a study")
        if row[0] != VERSION:
            raise UserError(f"'{self.path}' has version {row[0]}; this semrestore reads version {VERSION}")
        try:
            self.methods, self.images, self.count = json.loads(row[1]), json.loads(row[2]), row[3]
        except (ValueError, TypeError, RecursionError) as error:
            raise UserError(f"'{self.path}' holds a damaged study: {error}") from None
        if not (_are_texts(self.methods) and _are_texts(self.images) and isinstance(self.count, int)):
            raise UserError(f"'{self.path}' holds a damaged study; expected lists of methods and images, and a number")
        if methods is not None and (sorted(self.methods), self.images, self.count) != (
            sorted(methods),
            list(images),
            count,
        ):
            raise UserError(
                f"'{self.path}' is a study of other methods, images or numbers. Choose another --db, or start"
                ' with its own'
            )

    def add_rater(self) -> str:
        """Draw a rater's images and their order, and return the rater's name, which nobody can guess."""
        rater = secrets.token_urlsafe(12)
        draw = random.Random(secrets.randbits(64))
        with self._connection(write=True) as connection:
            connection.execute('INSERT INTO rater (id) VALUES (?)', (rater,))
            for position, image in enumerate(draw.sample(self.images, self.count)):
                order = draw.sample(self.methods, len(self.methods))
                row = (rater, position, image, json.dumps(order), json.dumps([None] * len(order)))
                connection.execute(
                    'INSERT INTO item (rater, position, image, methods, scores) VALUES (?, ?, ?, ?, ?)', row
                )
        return rater

    def items(self, rater: str) -> list[Item]:
        """Return a rater's images with the scores so far; empty for an unknown rater."""
        with self._connection() as connection:
            query = 'SELECT position, image, methods, scores FROM item WHERE rater = ? ORDER BY position'
            return [
                Item(row[0], row[1], json.loads(row[2]), json.loads(row[3]))
                for row in connection.execute(query, (rater,))
            ]

    def answer(self, rater: str, position: int, scores: Sequence[int | None]) -> bool:
        """Store the scores of an item, in place of earlier ones; ``False`` if there is no such item.

        Raises:
            ValueError: They are not a ranking of the methods, or a part of one.
        """
        given = [score for score in scores if score is not None]
        if (
            len(scores) != len(self.methods)
            or len(set(given)) < len(given)
            or not all(1 <= score <= len(self.methods) for score in given)
        ):
            raise ValueError(
                f'expected {len(self.methods)} different scores of 1 to {len(self.methods)}, or null for a missing one'
            )
        with self._connection(write=True) as connection:
            query = 'UPDATE item SET scores = ?, answered = CURRENT_TIMESTAMP WHERE rater = ? AND position = ?'
            return connection.execute(query, (json.dumps(list(scores)), rater, position)).rowcount == 1

    def ratings(self) -> list[dict]:
        """Return every complete ranking: a row a rater, image and method, with its score.

        Raises:
            ValueError: Something else than this class has written into the file.
        """
        with self._connection() as connection:
            rows = connection.execute(
                'SELECT rater, image, methods, scores FROM item ORDER BY rater, position'
            ).fetchall()
        ratings = []
        for rater, image, methods, scores in ((*row[:2], *map(json.loads, row[2:])) for row in rows):
            if None in scores:
                continue
            if sorted(methods) != sorted(self.methods) or sorted(scores) != list(range(1, len(methods) + 1)):
                raise ValueError(
                    f"the scores of rater '{rater}' for '{image}' are not a ranking of the study's methods"
                )
            ratings += [
                dict(rater=rater, image=image, method=method, score=score)
                for method, score in zip(methods, scores, strict=True)
            ]
        return ratings

    @contextmanager
    def _connection(self, write: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield a connection of its own for each request, whose changes are kept whole or not at all."""
        source = self.path.absolute().as_uri() + ('' if write else '?mode=ro')
        connection = sqlite3.connect(source, uri=True, timeout=30, isolation_level=None)
        try:
            if write:
                connection.execute('PRAGMA journal_mode = WAL')  # readers do not wait for a writer
                connection.execute('PRAGMA synchronous = FULL')
            connection.execute('PRAGMA foreign_keys = ON')
            with connection:
                connection.execute('BEGIN IMMEDIATE' if write else 'BEGIN')
                yield connection
        finally:
            connection.close()


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
