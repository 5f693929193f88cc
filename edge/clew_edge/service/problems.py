"""Refusals: documents that say what was wrong and what to do (RFC 9457, `urn:clew:problem:1`)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from clew.codec import dumps
from clew.errors import Problem
from clew.model.problem import ErrorItem, ProblemDetails
from clew_edge.service.asgi import Answer

__all__ = ["RefusedError", "error_items", "problem"]

#: The longest pointer and the longest sentence that are told, in characters.
_POINTER_MAX, _MESSAGE_MAX = 512, 512


class RefusedError(Exception):
    """
    A request that is not served.

    Args:
        status: of the answer.
        detail: what was wrong, and what to do.
        code: the kind of problem in a word; it ends the problem's `type`.
        headers: of the answer, such as `retry-after`.
        errors: every fault of the document that was sent.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        code: str,
        headers: Mapping[str, str] | None = None,
        *,
        errors: Iterable[ErrorItem] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.headers = dict(headers or {})
        self.errors = tuple(errors)


def problem(refused: RefusedError) -> Answer:
    """Answer with a refusal, written as its document."""
    details = ProblemDetails(
        title=HTTPStatus(refused.status).phrase,
        status=refused.status,
        type=f"urn:clew:problem:{refused.code}",
        detail=refused.detail,
        errors=refused.errors,
    )
    return Answer(refused.status, dumps(details), b"application/problem+json", refused.headers)


def error_items(problems: Iterable[Problem]) -> tuple[ErrorItem, ...]:
    """Give faults of a document as they go over the wire: short, whatever the document repeats."""
    return tuple(
        ErrorItem(
            pointer=_place(one.pointer), keyword=one.keyword, message=one.message[:_MESSAGE_MAX]
        )
        for one in problems
    )


def _place(pointer: str) -> str:
    """Point to what the fault is in, where a name on the way to it is long."""
    if len(pointer) <= _POINTER_MAX:
        return pointer
    return pointer[:_POINTER_MAX].rpartition("/")[0]
