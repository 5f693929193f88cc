"""Which class of `clew.model` each schema describes."""

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from clew import schema
from clew.model import (
    batch,
    consent,
    decision,
    identity,
    import_map,
    keys,
    measurement,
    outcome,
    policy,
    problem,
    profile,
    request,
    signal,
)

__all__ = ["CLASSES", "DOCUMENTS", "definitions"]

#: By the name of the document.
DOCUMENTS: dict[str, type] = {
    "batch": batch.Batch,
    "consent": consent.Consent,
    "decision": decision.Decision,
    "decision_request": request.DecisionRequest,
    "identity": identity.Identity,
    "import_map": import_map.ImportMap,
    "keys": keys.Keys,
    "measurement": measurement.Measurement,
    "outcome": outcome.Outcome,
    "policy": policy.Policy,
    "problem": problem.ProblemDetails,
    "profile": profile.Profile,
    "signal": signal.Signal,
}

MODULES: dict[str, ModuleType] = {
    "batch": batch,
    "consent": consent,
    "decision": decision,
    "decision_request": request,
    "identity": identity,
    "import_map": import_map,
    "keys": keys,
    "measurement": measurement,
    "outcome": outcome,
    "policy": policy,
    "problem": problem,
    "profile": profile,
    "signal": signal,
}


def title(document: str, cls: type) -> str:
    """Give what `validate` calls the class: its document, or its definition within the document."""
    if DOCUMENTS[document] is cls:
        return document
    return f"{document}#/$defs/{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', cls.__name__).lower()}"


#: Every public class of the models, by what `validate` calls it.
CLASSES: dict[str, type] = {
    title(document, cls): cls
    for document, module in MODULES.items()
    for cls in (getattr(module, name) for name in module.__all__)
    if isinstance(cls, type)
}


def definitions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every object with fields that the schemas describe, by what `validate` calls it."""
    for name in schema.names():
        document = schema.load(name)
        if "properties" in document:
            yield name, document
        for part, definition in document.get("$defs", {}).items():
            if "properties" in definition:
                yield f"{name}#/$defs/{part}", definition
