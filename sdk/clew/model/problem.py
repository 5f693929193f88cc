"""A refusal on the wire (`schemas/problem.schema.json`, RFC 9457)."""

from attrs import field, frozen, validators

__all__ = ["ErrorItem", "ProblemDetails"]


@frozen(kw_only=True)
class ErrorItem:
    """One fault of the document that was sent."""

    #: JSON Pointer (RFC 6901).
    pointer: str
    keyword: str
    message: str


@frozen(kw_only=True)
class ProblemDetails:
    """Why a request was refused and what to do, RFC 9457 section 3."""

    title: str
    status: int = field(validator=[validators.ge(100), validators.le(599)])
    type: str = "about:blank"
    detail: str | None = None
    instance: str | None = None
    errors: tuple[ErrorItem, ...] = ()
