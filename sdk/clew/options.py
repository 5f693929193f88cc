"""
The options of a client: what is none is refused before anything is opened, what is absent is found.

Said once and early, for what comes of a wrong option later (a bound that never holds, a tenant that
is nobody's) looks like something else.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from attrs import frozen

from clew.codec import to_json
from clew.errors import ConfigurationError
from clew.model.policy import Policy
from clew.outlet import Durability, Overflow

__all__ = ["DEFAULT_URL", "bundle_of", "check", "tenant_of", "url_of"]

#: Where the data lies when nobody says, relative to the working directory.
DEFAULT_URL = "sqlite:///clew.db"

#: How much of a wrong value is told, in characters.
_TOLD = 60


@frozen
class _Law:
    """What one option may be."""

    is_kept: Callable[[Any], bool]
    #: It, in words.
    wanted: str
    #: Whether a value that is wrong may be a secret.
    is_secret: bool = False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _are_keys(value: Any) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return is_list and all(isinstance(each, str) for each in value)


def _is_folder(value: Any) -> bool:
    if not (isinstance(value, os.PathLike) or _is_text(value)):
        return False
    path = Path(value)
    return "\0" not in str(path) and (path.is_dir() or not path.exists())


def _word_of(words: Any) -> _Law:
    known = get_args(words)
    return _Law(lambda value: value in known, f"one of {', '.join(known)}")


_LAWS: Mapping[str, _Law] = {
    "url": _Law(_is_text, "a URL such as sqlite:///shop.db", is_secret=True),
    "tenant": _Law(_is_text, "a name, or None for CLEW_TENANT, else `default`"),
    "keys": _Law(_are_keys, 'a list of texts, newest first: keys=["…"]', is_secret=True),
    "strict": _Law(lambda value: isinstance(value, bool), "True or False"),
    "durability": _word_of(Durability),
    "spool": _Law(_is_folder, "the path of a folder, or of one that can be made"),
    "max_pending_bytes": _Law(
        _is_count, "a whole number of bytes above 0, or None for the default"
    ),
    "overflow": _word_of(Overflow),
    "block_seconds": _Law(
        lambda value: _is_number(value) and 0.0 <= value < math.inf,
        "a number of seconds, 0 or more",
    ),
    "on_loss": _Law(callable, "a function of a cause and a number"),
    "policy": _Law(
        lambda value: isinstance(value, os.PathLike | Mapping | Policy) or _is_text(value),
        "the path of a file or folder, a dict, or a Policy",
    ),
    "backend": _Law(
        lambda value: callable(getattr(value, "append", None)), "an open backend (open_backend)"
    ),
    "clock": _Law(
        lambda value: callable(getattr(value, "now", None)), "an object whose now() gives seconds"
    ),
}
#: Those that must be given as what they are; None stands for none of the others.
_NEVER_NONE = frozenset({"strict", "durability", "overflow", "block_seconds", "keys"})


def check(**options: Any) -> None:
    """
    Refuse options that are none.

    Raises:
        ConfigurationError: which one, and what it may be.
    """
    for name, value in options.items():
        law = _LAWS[name]
        if value is None and name not in _NEVER_NONE:
            continue
        if not law.is_kept(value):
            is_told = not law.is_secret or value == ""
            told = f"{value!r:.{_TOLD}}" if is_told else type(value).__name__
            raise ConfigurationError(f"{name}: it is {law.wanted}, not {told}")


def url_of(url: str | None) -> str:
    """
    Where the data lies.

    Raises:
        ConfigurationError: `CLEW_URL` is there and empty, as where a variable that it was to be
            filled from is not: to go on with a file here would hide that.
    """
    given = os.environ.get("CLEW_URL") if url is None else url
    if given == "":
        raise ConfigurationError(
            f"CLEW_URL is set, but empty: name a URL, or unset it for {DEFAULT_URL}"
        )
    return DEFAULT_URL if given is None else given


def tenant_of(tenant: str | None) -> str:
    """Whose they are."""
    return tenant or os.environ.get("CLEW_TENANT") or "default"


def bundle_of(policy: Any) -> bytes:
    """
    The canonical bundle of a policy given as a path, a dict or a `Policy`.

    Raises:
        DocumentError: it has faults; all of them are named.
    """
    from clew.policy import build_bundle, load_policy

    return build_bundle(load_policy(to_json(policy) if isinstance(policy, Policy) else policy))
