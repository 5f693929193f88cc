"""
From one row to the facts it stands for: a signal, and the ground on which its person is known.

Every id is a function of the map, the row and how often that row stood in the file before, so the
same file gives the same facts again, wherever and whenever it is read.
"""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import orjson
from attrs import define, evolve, field, frozen

from clew.clock import to_text
from clew.engine.compiled import CompiledPolicy
from clew.errors import DocumentError, Problem
from clew.facts import signal
from clew.integrations.importing.columns import BadRowError
from clew.integrations.importing.maps import CompiledKind, CompiledMap
from clew.integrations.importing.reading import Row
from clew.logic.values import truthy
from clew.model.limits import ID_MAX
from clew.schema import pointer

__all__ = ["Facts", "RowReader"]

_ID_BYTES = 16


@frozen
class Facts:
    """What one row became."""

    kind: CompiledKind
    subject: str
    #: Whether nobody is named, so that the subject is an anonymous one.
    anonymous: bool
    #: Whether the same row stood in the file before.
    repeated: bool
    #: Batch items in the order they are to be stored; empty when rows of this kind are left out.
    items: tuple[bytes, ...] = ()


@define
class RowReader:
    """
    Reads the rows of one file, in its order.

    Args:
        policy: what signals are checked against.
        now: seconds since the epoch; rows from after it are refused.
    """

    how: CompiledMap
    policy: CompiledPolicy
    tenant: str
    now: float
    #: Rows seen so far, by their digest: how often.
    _seen: dict[bytes, int] = field(factory=dict)
    #: Subjects whose ground is recorded already.
    _grounded: set[str] = field(factory=set)

    def read(self, row: Row) -> Facts:
        """
        Read one row.

        Raises:
            BadRowError: it cannot become a signal; all that is wrong with it.
        """
        if row.fault is not None:
            raise BadRowError(row.fault)
        name, repeated = self._name(row)
        values = self.how.read(row.cells)
        at = self.how.time(values[self.how.map.time.column])
        subject, anonymous = self._subject(values)
        kind = self._kind(values)
        if kind.kind.signal is None:
            return Facts(kind, subject, anonymous, repeated)
        fact = self._signal(kind, values, name, subject, at)
        items = (*self._ground(subject, at), orjson.dumps({"signal": fact}))
        return Facts(kind, subject, anonymous, repeated, items)

    def _name(self, row: Row) -> tuple[str, bool]:
        """Name the row for good, and say whether it stood there before."""
        try:
            content = orjson.dumps(row.cells, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            message = f"it has bytes that are not in {self.how.map.encoding}; set `encoding`"
            raise BadRowError(*_undecodable(row, message)) from None
        digest = self._digest(content)
        times = self._seen.get(digest, 0)
        self._seen[digest] = times + 1
        if times:
            digest = self._digest(content, times)
        return digest.hex(), times > 0

    def _digest(self, content: bytes, times: int = 0) -> bytes:
        head = f"{self.how.map.id} {times} "
        return blake2b(head.encode() + content, digest_size=_ID_BYTES).digest()

    def _subject(self, values: Mapping[str, Any]) -> tuple[str, bool]:
        how = self.how.map
        subject = values[how.subject]
        if subject is not None:
            return _identifier(str(subject), how.subject), False
        parts = [values[name] for name in how.anonymous]
        if not parts or None in parts:
            instead = f", and so is one of {', '.join(how.anonymous)}" if parts else ""
            message = f"`{how.subject}` is empty{instead}: the row belongs to nobody"
            raise BadRowError(Problem(pointer([how.subject]), "no_subject", message))
        return _identifier(
            ":".join(["anonymous", how.id, *map(str, parts)]), how.anonymous[0]
        ), True

    def _kind(self, values: Mapping[str, Any]) -> CompiledKind:
        for kind in self.how.kinds:
            if kind.when is None or truthy(kind.when(values)):
                return kind
        names = ", ".join(kind.kind.name for kind in self.how.kinds)
        message = f"the row is of no kind of the map ({names}); add one that fits"
        raise BadRowError(Problem("", "no_kind", message))

    def _signal(
        self, kind: CompiledKind, values: dict[str, Any], name: str, subject: str, at: float
    ) -> dict[str, Any]:
        computed = ((field_name, rule(values)) for field_name, rule in kind.data)
        try:
            return signal(
                kind.kind.signal or "",
                subject=subject,
                data={name: value for name, value in computed if value is not None},
                now=self.now,
                tenant=self.tenant,
                policy=self.policy,
                id=name,
                at=at,
                source=self.how.map.source or self.how.map.id,
            )
        except DocumentError as error:
            told = f"as {kind.kind.signal}"
            raise BadRowError(
                *(
                    evolve(problem, message=f"{told}, {problem.message}")
                    for problem in error.problems
                )
            ) from None

    def _ground(self, subject: str, at: float) -> Iterator[bytes]:
        """Record once for each person why they may be known, as of their first row."""
        ground = self.how.map.ground
        if ground is None or subject in self._grounded:
            return
        self._grounded.add(subject)
        for purpose in ground.purposes:
            consent = {
                "id": self._digest(orjson.dumps([subject, purpose])).hex(),
                "subject": subject,
                "purpose": purpose,
                "state": "granted",
                "basis": ground.basis,
                "source": f"import:{self.how.map.id}",
                "occurred_at": to_text(at),
            }
            yield orjson.dumps({"consent": consent})


def _identifier(text: str, column: str) -> str:
    if len(text) > ID_MAX:
        message = f"`{column}` gives a subject of {len(text)} characters; {ID_MAX} is the most"
        raise BadRowError(Problem(pointer([column]), "maxLength", message))
    return text


def _undecodable(row: Row, message: str) -> Iterator[Problem]:
    for name, cell in row.cells.items():
        try:
            orjson.dumps(cell)
        except orjson.JSONEncodeError:
            yield Problem(pointer([name]), "encoding", message)
