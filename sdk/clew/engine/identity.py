"""
Linking an anonymous subject to a known one, and undoing it (RULES I1 to I3, M7).

Linking only notes the link in both documents and joins their trials; traits and consent stay where
they are and are merged when read, so that unmerging restores both sides.
"""

from collections.abc import Mapping

from clew.engine.person import Document
from clew.engine.trial import join, restore

__all__ = ["link", "refusal", "unmerge"]


def refusal(anonymous: str, subject: str, documents: Mapping[str, Document]) -> str | None:
    """
    Say why two identities must not be linked; None when they may be.

    Returns:
        `linked`: they are already; `linked_elsewhere`: the anonymous id belongs to another known
        subject (a shared device); `known_subject`: both are known; `anonymous_subject`: the subject
        is itself an anonymous id that belongs to somebody.
    """
    left, right = documents[anonymous], documents[subject]
    if left.get("link"):
        return "linked" if left["link"]["to"] == subject else "linked_elsewhere"
    if anonymous == subject or left.get("members"):
        return "known_subject"
    if right.get("link"):
        return "anonymous_subject"
    return None


def link(
    anonymous: str,
    subject: str,
    documents: Mapping[str, Document],
    *,
    at: float,
    windows: Mapping[str, float],
) -> int:
    """
    Link; gives the number of crossovers.

    Args:
        at: the instant of the link.
        windows: by objective, in seconds.
    """
    left, right = documents[anonymous], documents[subject]
    right["members"] = sorted({*right.get("members", ()), anonymous})
    crossovers = join(right["trials"], left["trials"], at=at, windows=windows)
    left["link"] = {"to": subject, "at": at}
    if crossovers:
        left["link"]["crossovers"] = crossovers
    return crossovers


def unmerge(anonymous: str, subject: str, documents: Mapping[str, Document]) -> int:
    """Undo a link that there is; gives what `link` gave, to be taken back."""
    left, right = documents[anonymous], documents[subject]
    crossovers = left.pop("link").get("crossovers", 0)
    right["members"] = [member for member in right["members"] if member != anonymous]
    restore(right["trials"], left["trials"], anonymous)
    return int(crossovers)
