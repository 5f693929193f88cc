"""The libraries that pages are made with, which an installation may lack."""

from importlib import import_module
from typing import Any

from clew.errors import ConfigurationError

__all__ = ["need"]


def need(module: str) -> Any:
    """
    Import a module of the extra `charts`.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"a page of measurements needs {error.name}: pip install 'clew[charts]'"
        ) from error
