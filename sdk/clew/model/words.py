"""
The closed vocabularies of the documents: every enum of the schemas, once.

They are `Literal` types, so a plain string is a member and a type checker knows it.
"""

from typing import Literal

__all__ = [
    "Arm",
    "Basis",
    "CacheState",
    "Channel",
    "ConsentState",
    "CountsOn",
    "FieldType",
    "Operation",
    "OutcomeType",
    "Party",
    "Reason",
    "Sticky",
    "Strategy",
    "Traffic",
    "TraitKind",
]

#: Whose word a signal is: the person's own (zero), ours, a partner's, a stranger's.
Party = Literal["zero", "first", "partner", "third"]

#: Who or what produced a request (RULES F3). Only "human" learns and is measured.
Traffic = Literal["human", "bot", "preview", "synthetic", "internal"]

Channel = Literal[
    "web", "app", "email", "sms", "push", "phone", "agent", "assistant", "media", "store"
]

#: Grounds of processing, GDPR Article 6(1)(a) to (f).
Basis = Literal[
    "consent",
    "contract",
    "legal_obligation",
    "vital_interests",
    "public_task",
    "legitimate_interests",
]

ConsentState = Literal["granted", "withdrawn", "objected"]

Operation = Literal["link", "unmerge"]

OutcomeType = Literal[
    "sent", "displayed", "interacted", "dismissed", "converted", "overridden", "voided"
]

Strategy = Literal["bandit", "split", "priority"]

Sticky = Literal["none", "view", "session", "seconds"]

CountsOn = Literal["displayed", "sent", "served"]

Arm = Literal["treated", "holdout"]

CacheState = Literal["miss", "hit", "stale"]

TraitKind = Literal["declared", "observed", "computed", "predicted"]

FieldType = Literal[
    "text", "html", "url", "number", "integer", "boolean", "instant", "list", "object"
]

#: Why a decision is what it is.
Reason = Literal[
    "bandit",
    "split",
    "priority",
    "pinned",
    "holdout",
    "consent_denied",
    "capped",
    "suppressed",
    "no_eligible",
    "default",
    "moment",
    "override",
    "preview",
    "unknown_slot",
    "deadline",
    "error",
    "stale",
]
