"""Which class of `clew.model` each schema describes."""

import re
from collections.abc import Iterator
from typing import Any

from clew import schema
from clew.model import (
    batch,
    consent,
    decision,
    identity,
    measurement,
    outcome,
    policy,
    problem,
    profile,
    request,
    signal,
)

__all__ = ["CLASSES", "DOCUMENTS", "definition_name", "definitions"]

#: By the name of the document.
DOCUMENTS: dict[str, type] = {
    "batch": batch.Batch,
    "consent": consent.Consent,
    "decision": decision.Decision,
    "decision_request": request.DecisionRequest,
    "identity": identity.Identity,
    "measurement": measurement.Measurement,
    "outcome": outcome.Outcome,
    "policy": policy.Policy,
    "problem": problem.ProblemDetails,
    "profile": profile.Profile,
    "signal": signal.Signal,
}

MODULES = {"decision_request": request} | {
    one.__name__.rpartition(".")[2]: one
    for one in (
        batch, consent, decision, identity, measurement, outcome, policy, problem, profile, signal
    )
}  # fmt: skip


def definition_name(cls: type) -> str:
    """Give the name in `$defs` of a class that has no document of its own."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()


def definitions() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every object with fields that the schemas describe, by what `validate` calls it."""
    for name in schema.names():
        document = schema.load(name)
        if "properties" in document:
            yield name, document
        for part, definition in document.get("$defs", {}).items():
            if "properties" in definition:
                yield f"{name}#/$defs/{part}", definition


#: Every public class of the models, by what `validate` calls it.
CLASSES: dict[str, type] = {
    document if DOCUMENTS.get(document) is cls else f"{document}#/$defs/{definition_name(cls)}": cls
    for document, module in MODULES.items()
    for cls in (getattr(module, name) for name in module.__all__)
    if isinstance(cls, type)
}
