"""
Every error that clew raises, and where the blame lies.

::

    ClewError                       .retryable
      ConfigurationError            options or settings contradict each other
      MissingBackendError           no backend for this URL scheme; says what to install
      DocumentError                 a document breaks its schema or its rules; .problems
      PolicyConflict                the same policy version was published with other content
      ConsentError                  a consent could not be recorded
      IdentityError                 two known ids would be merged, or a link does not exist
      TokenError                    a decision token that was provably not issued by us
      ClosedError                   used after close()
      BackendError                  the backend failed
        BackendUnavailableError     it may work later (retryable)
        BackendRejectedError        it never will: the request is at fault

`emit`, `decide` and `report` raise only for misuse (the application's fault); a sick backend is
answered with a fall-back and counted.
"""

from collections.abc import Iterable

from attrs import frozen

__all__ = [
    "BackendError",
    "BackendRejectedError",
    "BackendUnavailableError",
    "ClewError",
    "ClosedError",
    "ConfigurationError",
    "ConsentError",
    "DocumentError",
    "IdentityError",
    "MissingBackendError",
    "PolicyConflict",
    "Problem",
    "TokenError",
]


@frozen
class Problem:
    """One fault of a document: where it is and what is wrong, in a sentence."""

    #: JSON Pointer (RFC 6901) into the document; "" is the whole document.
    pointer: str
    #: The rule that was broken: a JSON Schema keyword, or a word of ours such as "unknown_trait".
    keyword: str
    #: What is wrong and what to do about it.
    message: str
    #: The file the document was read from, if it was.
    file: str | None = None

    def __str__(self) -> str:
        where = " ".join(part for part in (self.file, self.pointer or "(document)") if part)
        return f"{where}: {self.message}"


class ClewError(Exception):
    """Base of all errors of clew."""

    #: Whether the same call may succeed later, unchanged.
    retryable: bool = False


class ConfigurationError(ClewError, ValueError):
    """Options or settings are wrong or contradict each other."""


class MissingBackendError(ClewError, LookupError):
    """No installed backend answers for this URL scheme."""


class DocumentError(ClewError, ValueError):
    """
    A document is not what its schema and rules ask for.

    All faults are reported at once, each with its place.
    """

    def __init__(self, document: str, problems: Iterable[Problem]) -> None:
        self.document = document
        self.problems: tuple[Problem, ...] = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        count = len(self.problems)
        super().__init__(f"{document}: {count} problem{'s' if count != 1 else ''}{lines}")


class PolicyConflict(ClewError):  # noqa: N818 - the state of affairs is the name
    """A policy (id, version) exists already with other content: give yours a new version."""


class ConsentError(ClewError):
    """A consent was not recorded; nothing may be assumed of it."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class IdentityError(ClewError, ValueError):
    """Two known ids would be merged, or a link that is to be undone does not exist."""


class TokenError(ClewError, ValueError):
    """A decision token whose signature does not verify: it was not issued by this installation."""


class ClosedError(ClewError, RuntimeError):
    """The client was used after `close()`."""


class BackendError(ClewError):
    """The backend could not do what was asked."""


class BackendUnavailableError(BackendError):
    """
    The backend is unreachable, busy or failing; the call may be retried.

    Args:
        retry_after: how long it asked to be left alone, in seconds; None when it said nothing.
    """

    retryable = True

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BackendRejectedError(BackendError):
    """The backend refuses this request and always will."""
