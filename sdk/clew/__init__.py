"""
clew: embeddable personalisation. Signals in, decisions out, outcomes back, lift you can believe.

Everything public is here; nothing is imported until it is used, so `import clew` stays light.
"""

from importlib import import_module

_PLACES = {
    "AsyncClient": "clew.async_client",
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
    "open_backend": "clew.backends",
}

__all__ = [
    "AsyncClient",
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
    "open_backend",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("clew")
    if name not in _PLACES:
        raise AttributeError(f"module 'clew' has no attribute {name!r}")
    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
