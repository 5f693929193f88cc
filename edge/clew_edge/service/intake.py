"""
Facts from outside, before they are stored: what each may say, given whose key brings it.

- What only the backend may say is taken out: purposes, ground, time of receipt (W2.3).
- A partner writes only signals of its own types, and they are marked as a partner's (C28).
- A browser reports only what was displayed, interacted with and dismissed, by token, without a
  value (RULES K2).
- A token becomes the decision that it proves.
- Nothing has happened yet that lies ahead of this clock; but a consent is taken, and holds from now
  on.
- The ids of partners and browsers are made their own: they dedupe among themselves, and take none
  that the shop, or another partner, will use, such as the number of an order.

One fact at fault is refused alone, and the others are taken.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import orjson
from attrs import evolve

from clew.codec import from_json, to_json
from clew.errors import DocumentError, Problem, TokenError
from clew.facts import ahead
from clew.model.batch import BatchItem, ItemResult
from clew.model.limits import ID_MAX
from clew.model.problem import ErrorItem
from clew_edge.service.keys import Key
from clew_edge.service.problems import error_items
from clew_edge.service.tenants import Tenant
from clew_edge.service.validation import is_valid

__all__ = ["take", "takes_back"]

Fact: TypeAlias = dict[str, Any]

#: What a browser may report (RULES K2).
BROWSER_TYPES = frozenset({"displayed", "interacted", "dismissed"})
#: What must not lie ahead of this clock.
_BOUNDED = frozenset({"signal", "outcome", "identity"})
#: What only the backend says of a fact.
_OURS = ("purposes", "basis", "received_at")


async def take(key: Key, tenant: Tenant, documents: Sequence[Any]) -> list[ItemResult]:
    """
    Store batch items (decoded, `{kind: fact}`) for a key; gives one result each, in their order.

    Raises:
        BackendUnavailableError: send the same again.
    """
    screened = [_screened(key, tenant, document) for document in documents]
    items = [one for one in screened if isinstance(one, bytes)]
    stored = iter(await tenant.append(items) if items else ())
    results = [next(stored) if isinstance(one, bytes) else one for one in screened]
    if not _is_trusted(key):
        # Whoever sent it knows it by the id that was sent.
        results = [
            evolve(result, id=_id(document))
            for document, result in zip(documents, results, strict=True)
        ]
    for document, result in zip(documents, results, strict=True):
        tenant.brought[_kind(document), result.status] += 1
    return results


def _screened(key: Key, tenant: Tenant, document: Any) -> bytes | ItemResult:
    """Give an item as it will be stored, or why it is refused."""
    if (bar := _bar(key, document)) is not None:
        return _forbidden({"id": _id(document)}, bar)
    if not is_valid("batch#/$defs/batch_item", document):
        try:
            known = from_json(BatchItem, document, keep_unknown=True, kept=tenant.unknown)
            document = to_json(known)
        except DocumentError as error:
            return _faulty(document, error.problems)
    ((kind, fact),) = document.items()
    refused = _SCREENS[kind](key, tenant, fact)
    if refused is not None:
        return refused
    if kind in _BOUNDED and (problem := ahead(fact["occurred_at"], time.time())) is not None:
        return _faulty(document, [evolve(problem, pointer=f"/{kind}{problem.pointer}")])
    if not _is_trusted(key):
        # A copy, for the answer names what was sent.
        fact = {**fact, "id": _own_id(key, fact["id"])}
    return orjson.dumps({kind: fact})


def takes_back(document: Any) -> bool:
    """Whether an item takes back what was decided for a request: whoever may decide may say it."""
    outcome = document.get("outcome") if isinstance(document, dict) else None
    if not isinstance(outcome, dict) or not {"decision", "token"}.isdisjoint(outcome):
        return False
    return outcome.get("type") == "voided"


def _is_trusted(key: Key) -> bool:
    """Whether a key's holder may name facts as the shop does."""
    return not (key.types or key.browser)


def _own_id(key: Key, id: str) -> str:
    """Make of an id one that only the holder of this key can come by."""
    return hashlib.sha256(orjson.dumps([key.id, id])).hexdigest()


def _bar(key: Key, document: Any) -> str | None:
    """Say why a key may bring no such fact at all: to look for its faults would cost more."""
    kinds = document.keys() & _SCREENS.keys() if isinstance(document, dict) else set()
    if "decision" in kinds and not key.may("admin"):
        # Records are made by whoever decides; one from outside is a transfer of data.
        return "records of decisions need a key with the scope `admin`"
    if "signal" in kinds and key.browser:
        return "a browser's key reports outcomes only; send signals by a server"
    said = kinds & {"consent", "identity"}
    if (said and (key.browser or key.types)) or ("outcome" in kinds and key.types):
        return "this needs a key with the scope `append`"
    return None


def _signal(key: Key, _tenant: Tenant, fact: Fact) -> ItemResult | None:
    if key.types:
        if not fact["type"].startswith(key.types):
            known = ", ".join(f"{prefix}…" for prefix in key.types)
            return _forbidden(fact, f"this key may write only signals of types {known}", "/type")
        fact["party"] = "partner"
    for name in _OURS:
        fact.pop(name, None)
    return None


def _said(_key: Key, _tenant: Tenant, fact: Fact) -> None:
    """A consent or a change of identity."""
    fact.pop("received_at", None)


def _decision(_key: Key, _tenant: Tenant, _fact: Fact) -> None:
    """A record is kept as it was made."""


def _outcome(key: Key, tenant: Tenant, fact: Fact) -> ItemResult | None:
    if key.browser and (fault := _browser_fault(fact)) is not None:
        return _forbidden(fact, fault)
    fact.pop("received_at", None)
    token = fact.pop("token", None)
    return None if token is None else _proof(tenant, fact, token)


def _proof(tenant: Tenant, fact: Fact, token: str) -> ItemResult | None:
    """Put the decision that a token proves in its place; else say what is wrong with it."""
    try:
        proven = tenant.backend.read_token(token)
    except TokenError as error:
        return _refused(fact, "token", "/token", str(error))
    if proven is None:
        return ItemResult(id=fact["id"], status="late", cause="expired_token")
    if fact.setdefault("decision", proven) != proven:
        return _refused(fact, "token", "/decision", "the token proves another decision than this")
    return None


def _browser_fault(fact: Fact) -> str | None:
    if fact["type"] not in BROWSER_TYPES:
        return f"a browser reports {', '.join(sorted(BROWSER_TYPES))}; send others by a server"
    if {"value", "currency", "reverses"} & fact.keys():
        return "a browser's outcome has no value and reverses nothing; send it by a server"
    if "token" not in fact:
        return "a browser names a decision by its token"
    return None


_SCREENS: dict[str, Callable[[Key, Tenant, Fact], ItemResult | None]] = {
    "signal": _signal,
    "consent": _said,
    "identity": _said,
    "decision": _decision,
    "outcome": _outcome,
}


def _faulty(document: Any, problems: Iterable[Problem]) -> ItemResult:
    """Refuse an item that breaks the contract."""
    faults = error_items(problems)
    return ItemResult(id=_id(document), status="refused", cause="schema", errors=faults)


def _forbidden(fact: Fact, message: str, pointer: str = "") -> ItemResult:
    return _refused(fact, "scope", pointer, message)


def _refused(fact: Fact, cause: str, pointer: str, message: str) -> ItemResult:
    fault = ErrorItem(pointer=pointer, keyword=cause, message=message)
    return ItemResult(id=fact["id"], status="refused", cause=cause, errors=(fault,))


def _kind(document: Any) -> str:
    """Which kind of fact it is, or claims to be."""
    kind = next(iter(document), "") if isinstance(document, dict) else ""
    return kind if kind in _SCREENS else "unknown"


def _id(document: Any) -> str:
    """The id of a fact that is at fault, as far as it has one that may be repeated."""
    if isinstance(document, dict):
        for fact in document.values():
            id = fact.get("id") if isinstance(fact, dict) else None
            if isinstance(id, str) and len(id) <= ID_MAX:
                return id
    return ""
