"""
Facts as a client writes them: minted once, checked against the policy, in wire form.

Two kinds of fault are told apart. A wrong Python type is the program's mistake and raises. Data
that breaks what the policy declares, or what a store can hold, is refused with a pointer to the
field (`DocumentError`). What is said of it goes to logs, so it never repeats the data.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, get_args

import orjson

from clew.clock import instant, to_text
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import CompiledPolicy
from clew.engine.declared import declared
from clew.errors import DocumentError, Problem
from clew.ids import bucket_of, mint
from clew.logic.values import finite
from clew.model.limits import DATA_DEPTH_MAX, ID_MAX, NAME, is_deep
from clew.model.words import Channel, ConsentState, OutcomeType, Party, Traffic

__all__ = ["ahead", "consents", "identity", "outcome", "signal"]

#: How far ahead of this clock a fact may say it happened, in seconds: clocks differ a little.
SKEW_SECONDS = 300.0

#: The most that a signal's data may weigh as JSON, in bytes (CloudEvents 1.0, "Size Limits").
DATA_BYTES_MAX = 65_536
#: The longest free text beside the data (a note, a source), in characters.
TEXT_MAX = 1_024

_NAME = re.compile(NAME)
_CHANNELS = frozenset(get_args(Channel))
_PARTIES = frozenset(get_args(Party))
_TRAFFIC = frozenset(get_args(Traffic))
_OUTCOMES = frozenset(get_args(OutcomeType))

#: Texts beside the data that are ids; the others may be longer.
_IDS = frozenset({"id", "subject", "anonymous_subject", "session_id", "view_id", "reverses"})
_EMPTY = {
    "id": "the id is empty; give your own key, or none to have one made",
    "subject": "the subject is empty; say to whom it happened",
}
#: Nearly all are dicts, which is seen at a glance.
_MAPPINGS = (dict, Mapping)
#: How orjson begins to say that a Python type is wrong, not what a value holds.
_WRONG_TYPES = ("Type is not", "Dict key must be")

Instant = str | float | datetime


def signal(
    type: str,
    *,
    subject: str,
    data: Mapping[str, Any] | None,
    now: float,
    tenant: str,
    policy: CompiledPolicy | None,
    id: str | None = None,
    at: Instant | None = None,
    source: str | None = None,
    channel: str | None = None,
    party: str = "first",
    anonymous_subject: str | None = None,
    session_id: str | None = None,
    department: str | None = None,
    traffic: str = "human",
) -> dict[str, Any]:
    """
    Write a signal; fields that the policy does not declare are left out (minimised).

    Args:
        now: seconds since the epoch.
        policy: the live policy; without one only the envelope is checked.

    Raises:
        TypeError: an argument has the wrong type.
        DocumentError: the policy does not take this type or these fields, or no store holds it.
    """
    _check_types(type, data)
    problems: list[Problem] = []
    if not (_is_plain_id(subject) and _is_common(type, channel, party, traffic)):
        problems += _text_problems({"subject": subject})
        problems += _envelope_problems(type, channel, party, traffic)
    given: dict[str, str] = {}
    # Most signals have none of these.
    if not (id is source is anonymous_subject is session_id is department is None):
        given = _given(source, anonymous_subject, session_id, department)
        problems += _text_problems({"id": id, **given})
    occurred_at = to_text(now) if at is None else _occurred(at, now, problems)
    if policy is not None:
        data, faults = declared(policy, type, party, data or {})
        problems += faults
    data = _json(type, data, problems) if data else {}
    if problems:
        raise DocumentError(f"signal {type!r}", problems)
    fact: dict[str, Any] = {
        "id": mint(now, store_bucket(tenant, subject)) if id is None else id,
        "type": type,
        "subject": subject,
        "occurred_at": occurred_at,
    }
    if data:
        fact["data"] = data
    if channel is not None:
        fact["channel"] = channel
    if party != "first":
        fact["party"] = party
    if traffic != "human":
        fact["traffic"] = traffic
    return fact | given if given else fact


def outcome(
    type: str,
    decision: str,
    *,
    now: float,
    id: str | None = None,
    at: Instant | None = None,
    value: float | None = None,
    **more: str | None,
) -> dict[str, Any]:
    """
    Write an outcome of a decision.

    Args:
        more: `currency`, `view_id`, `reverses`, `actor`, `note`, `department`.

    Raises:
        TypeError: the type is no text, or the value no number.
        DocumentError: the type is none of the outcome types, or the instant lies ahead.
    """
    if not isinstance(type, str):
        raise TypeError(f"the type of an outcome is text, not {type!r}")
    problems: list[Problem] = []
    if type not in _OUTCOMES:
        problems.append(_not_one_of("/type", type, _OUTCOMES))
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise TypeError(f"value is a number, not {value!r}")
    if value is not None and finite(value) is None:
        problems.append(Problem("/value", "finite", "the value is no finite number; leave it out"))
    given = {name: text for name, text in more.items() if text is not None and text != ""}
    problems += _text_problems({"id": id, **given})
    occurred_at = to_text(now) if at is None else _occurred(at, now, problems)
    if problems:
        raise DocumentError(f"outcome {type!r}", problems)
    fact: dict[str, Any] = {
        # The decision's bucket: an outcome lies where its decision does.
        "id": mint(now, bucket_of(decision) or 0) if id is None else id,
        "type": type,
        "decision": decision,
        "occurred_at": occurred_at,
    }
    if value is not None:
        fact["value"] = float(value)
    return fact | given


def consents(
    subject: str,
    states: Mapping[ConsentState, Iterable[str]],
    *,
    now: float,
    tenant: str,
    source: str | None,
) -> list[dict[str, Any]]:
    """
    Write one consent record per purpose.

    Args:
        states: by state, the purposes it is said of.

    Raises:
        TypeError: the subject is no text, or purposes are given as one text instead of a list.
        ValueError: no purpose is named.
    """
    _check_text("subject", subject)
    if problems := list(_text_problems({"source": source})):
        raise DocumentError("consent", problems)
    facts = []
    for state, purposes in states.items():
        if isinstance(purposes, str):
            raise TypeError(f"purposes are a list: write [{purposes!r}], not {purposes!r}")
        if not isinstance(purposes, Iterable):
            raise TypeError(f"purposes are a list of names, not {purposes!r}")
        for purpose in purposes:
            _check_text("purpose", purpose)
            fact = {
                "id": mint(now, store_bucket(tenant, subject)),
                "subject": subject,
                "purpose": purpose,
                "state": state,
                "occurred_at": to_text(now),
            }
            if source is not None:
                fact["source"] = source
            facts.append(fact)
    if not facts:
        raise ValueError("name at least one purpose to grant, withdraw or object to")
    return facts


def identity(
    operation: str, anonymous: str, subject: str, *, now: float, tenant: str
) -> dict[str, Any]:
    """Write the linking of an anonymous subject to a known one, or its undoing."""
    _check_text("anonymous", anonymous)
    _check_text("subject", subject)
    return {
        "id": mint(now, store_bucket(tenant, subject)),
        "operation": operation,
        "anonymous_subject": anonymous,
        "subject": subject,
        "occurred_at": to_text(now),
    }


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} is text, not {value!r}")
    if not 1 <= len(value) <= ID_MAX:
        raise ValueError(f"{name} has 1 to {ID_MAX} characters, not {len(value)}")
    if not _is_unicode(value):
        raise ValueError(f"{name} holds half of a surrogate pair, which is no character")


def _is_unicode(value: str) -> bool:
    """Whether text can be encoded; what JSON's `\\ud800` becomes in Python cannot."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _given(
    source: str | None,
    anonymous_subject: str | None,
    session_id: str | None,
    department: str | None,
) -> dict[str, str]:
    """Name those that are given."""
    named = {
        "source": source,
        "anonymous_subject": anonymous_subject,
        "session_id": session_id,
        "department": department,
    }
    # An empty one is none, as of a visitor's cookie that was cleared.
    return {name: value for name, value in named.items() if value is not None and value != ""}


def _check_types(type: Any, data: Any) -> None:
    if not isinstance(type, str):
        raise TypeError(f"type is text, not {type!r}")
    if data is not None and not isinstance(data, _MAPPINGS):
        raise TypeError(f"data is a mapping of names to JSON values, not {data!r}")


def _is_plain_id(value: Any) -> bool:
    """Whether a value is surely an id; nearly all are seen to be one at a glance."""
    return isinstance(value, str) and 1 <= len(value) <= ID_MAX and value.isascii()


def _text_problems(texts: Mapping[str, str | None]) -> Iterable[Problem]:
    """Find texts beside the data that no store would hold."""
    for name, value in texts.items():
        if value is None:
            continue
        if not isinstance(value, str):
            raise TypeError(f"{name} is text, not {value!r}")
        longest = ID_MAX if name in _IDS else TEXT_MAX
        if not value:
            # To make an id in its place would count the fact again.
            message = _EMPTY.get(name, f"{name} is empty; leave it out")
            yield Problem(f"/{name}", "min", message)
        elif len(value) > longest:
            message = f"{name} has {len(value)} characters; it has at most {longest}"
            yield Problem(f"/{name}", "max", message)
        elif not _is_unicode(value):
            message = f"{name} holds half of a surrogate pair, which is no character"
            yield Problem(f"/{name}", "unicode", message)


def _json(type: str, data: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The data as it will be stored: a copy, in which what JSON has no word for is null."""
    try:
        encoded = orjson.dumps(data)
    except TypeError as error:
        if str(error).startswith(_WRONG_TYPES):
            raise TypeError(f"data of signal {type!r}: {error}; use JSON values only") from None
        # What a browser may send, and no program would write.
        problems.append(Problem("/data", "json", f"the data is no JSON: {error}"))
        return {}
    if len(encoded) > DATA_BYTES_MAX:
        message = f"the data is {len(encoded)} bytes; it is at most {DATA_BYTES_MAX}"
        problems.append(Problem("/data", "max", message))
    copy: dict[str, Any] = orjson.loads(encoded)
    # Hardly any data has so many brackets at all.
    if encoded.count(b"{") + encoded.count(b"[") > DATA_DEPTH_MAX and is_deep(copy, DATA_DEPTH_MAX):
        message = f"the data is nested more than {DATA_DEPTH_MAX} deep; flatten it"
        problems.append(Problem("/data", "depth", message))
    return copy


def _occurred(at: Instant, now: float, problems: list[Problem]) -> str:
    try:
        text = to_text(instant(at))
    except (ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
        problems.append(Problem("/occurred_at", "format", f"{error}"))
        return to_text(now)
    if (problem := ahead(text, now)) is not None:
        problems.append(problem)
    return text


def ahead(occurred_at: str, now: float) -> Problem | None:
    """
    Say that a fact lies ahead of a clock by more than clocks differ.

    Whoever takes facts in asks: one signal dated years ahead would leave no room in the windows of
    its person's traits for what is true (`clew.engine.panes`).

    Args:
        occurred_at: RFC 3339 text.
        now: seconds since the epoch, by the clock of whoever takes it in.
    """
    if instant(occurred_at) <= now + SKEW_SECONDS:
        return None
    message = f"{occurred_at} lies ahead of this clock; check the sender's clock"
    return Problem("/occurred_at", "future", message)


# An application has few kinds of signals, and emits each of them very often.
@lru_cache(maxsize=1024)
def _is_common(type: str, channel: str | None, party: str, traffic: str) -> bool:
    """Whether nothing is wrong with an envelope."""
    return not any(_envelope_problems(type, channel, party, traffic))


def _envelope_problems(
    type: str,
    channel: str | None,
    party: str,
    traffic: str,
) -> Iterable[Problem]:
    if not _NAME.fullmatch(type):
        message = f"{type!r} is no name: use letters, digits and _ . -, like product_viewed"
        yield Problem("/type", "pattern", message)
    if channel is not None and channel not in _CHANNELS:
        yield _not_one_of("/channel", channel, _CHANNELS)
    if party not in _PARTIES:
        yield _not_one_of("/party", party, _PARTIES)
    if traffic not in _TRAFFIC:
        yield _not_one_of("/traffic", traffic, _TRAFFIC)


def _not_one_of(pointer: str, value: str, words: Iterable[str]) -> Problem:
    return Problem(pointer, "enum", f"{value!r:.60} is none of {', '.join(sorted(words))}")
