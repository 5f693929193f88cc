"""A policy as one document, ready to be published."""

from clew.errors import DocumentError
from clew.policy.check import check_policy
from clew.policy.load import LoadedPolicy

__all__ = ["build_bundle"]


def build_bundle(loaded: LoadedPolicy) -> bytes:
    """
    Give the whole policy as canonical JSON (RFC 8785), whose digest is `loaded.sha256`.

    However the policy was split into files and in whatever order it was written, the bytes are the
    same.

    Raises:
        DocumentError: the policy has faults; all of them.
    """
    if problems := check_policy(loaded):
        raise DocumentError("policy", problems)
    return loaded.canonical
