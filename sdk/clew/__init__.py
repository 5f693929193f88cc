"""
clew: embeddable personalisation. Signals in, decisions out, outcomes back, lift you can believe.

Everything public is here; nothing is imported until it is used, so `import clew` stays light.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clew.async_client import AsyncClient
    from clew.async_visitor import AsyncVisitor
    from clew.backends import open_backend
    from clew.client import Client
    from clew.errors import (
        BackendError,
        BackendRejectedError,
        BackendUnavailableError,
        ClewError,
        ClosedError,
        ConfigurationError,
        ConsentError,
        DocumentError,
        IdentityError,
        MissingBackendError,
        PolicyConflict,
        Problem,
        TokenError,
    )
    from clew.logic import compile_rule
    from clew.model.decision import (
        Decision,
        Explanation,
    )
    from clew.model.measurement import Measurement
    from clew.model.policy import Policy
    from clew.model.profile import Profile
    from clew.pages import measurement_page
    from clew.visitor import Visitor

del TYPE_CHECKING  # what is seen here is what is public

_PLACES = {
    "AsyncClient": "clew.async_client",
    "AsyncVisitor": "clew.async_visitor",
    "BackendError": "clew.errors",
    "BackendRejectedError": "clew.errors",
    "BackendUnavailableError": "clew.errors",
    "ClewError": "clew.errors",
    "Client": "clew.client",
    "ClosedError": "clew.errors",
    "ConfigurationError": "clew.errors",
    "ConsentError": "clew.errors",
    "Decision": "clew.model.decision",
    "DocumentError": "clew.errors",
    "Explanation": "clew.model.decision",
    "IdentityError": "clew.errors",
    "Measurement": "clew.model.measurement",
    "MissingBackendError": "clew.errors",
    "Policy": "clew.model.policy",
    "PolicyConflict": "clew.errors",
    "Problem": "clew.errors",
    "Profile": "clew.model.profile",
    "TokenError": "clew.errors",
    "Visitor": "clew.visitor",
    "compile_rule": "clew.logic",
    "measurement_page": "clew.pages",
    "open_backend": "clew.backends",
}

__all__ = [
    "AsyncClient",
    "AsyncVisitor",
    "BackendError",
    "BackendRejectedError",
    "BackendUnavailableError",
    "ClewError",
    "Client",
    "ClosedError",
    "ConfigurationError",
    "ConsentError",
    "Decision",
    "DocumentError",
    "Explanation",
    "IdentityError",
    "Measurement",
    "MissingBackendError",
    "Policy",
    "PolicyConflict",
    "Problem",
    "Profile",
    "TokenError",
    "Visitor",
    "__version__",
    "compile_rule",
    "measurement_page",
    "open_backend",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("clew")
    if name not in _PLACES:
        raise AttributeError(f"module 'clew' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
