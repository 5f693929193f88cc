"""The libraries that pages are made with, which an installation may lack."""

from importlib import import_module
from typing import Any

from clew.errors import ConfigurationError
from clew.loading import lacking

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
        raise ConfigurationError(lacking(error.name, "charts")) from error
