"""Backends are opened by URL: ours at once, others through their entry points."""

import sys
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType
from typing import Any

import pytest

from clew import open_backend
from clew.backends.embedded import Embedded
from clew.errors import ConfigurationError, MissingBackendError


def test_ours_are_opened_by_scheme(tmp_path: Any) -> None:
    """Memory and SQLite answer for their schemes."""
    for url in ("memory://", f"sqlite:///{tmp_path}/shop.db"):
        backend = open_backend(url)
        assert isinstance(backend, Embedded)
        backend.close()


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a backend, `clew serve` as well, signs with `CLEW_KEYS` if it is set (K1)."""
    monkeypatch.setenv("CLEW_KEYS", f"{'n' * 32},{'o' * 32}")
    found = [
        open_backend("memory://").derive_keys("cookie"),
        open_backend("memory://", keys=["n" * 32, "o" * 32]).derive_keys("cookie"),
        open_backend("http://clew_k@127.0.0.1:9").derive_keys("cookie"),
    ]
    assert found[0] == found[1] == found[2]
    assert open_backend("memory://", keys=["x" * 32]).derive_keys("cookie")[0] not in found[0]


def test_a_url_has_a_scheme() -> None:
    """A file's bare name is no URL, and the error shows one."""
    with pytest.raises(ConfigurationError, match=r"'shop.db' is no backend URL; use for example"):
        open_backend("shop.db")


def test_an_unknown_scheme_names_what_there_is() -> None:
    """Whoever asks for what is not installed is told what is."""
    with pytest.raises(
        MissingBackendError, match=r"no backend for oracle://; installed are: .*sqlite"
    ):
        open_backend("oracle://db")


def test_other_distributions_add_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheme of somebody else is opened by the function that their entry point names."""
    module = ModuleType("theirs")
    module.open_theirs = lambda url, **options: (url, options["tenant"])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "theirs", module)
    entry = EntryPoint("theirs", "theirs:open_theirs", "clew.backends")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: EntryPoints([entry]))
    assert open_backend("theirs://x", tenant="t") == ("theirs://x", "t")
