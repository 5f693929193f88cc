"""Why a fact is not taken: results that say where its fault is and what to do."""

from collections.abc import Iterable

from clew.errors import Problem
from clew.model.batch import ItemResult
from clew.model.problem import ErrorItem

__all__ = ["faulty", "refused"]


def faulty(name: str, problems: Iterable[Problem]) -> ItemResult:
    """Refuse a fact for all that is wrong with it."""
    errors = [
        ErrorItem(pointer=problem.pointer, keyword=problem.keyword, message=problem.message)
        for problem in problems
    ]
    return ItemResult(id=name, status="refused", cause="schema", errors=tuple(errors))


def refused(name: str, cause: str, pointer: str, message: str) -> ItemResult:
    """Refuse a fact for one reason; *cause* is a word for it."""
    error = ErrorItem(pointer=pointer, keyword=cause, message=message)
    return ItemResult(id=name, status="refused", cause=cause, errors=(error,))
