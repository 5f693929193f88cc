"""
A judge of another maker holds the server against its own description (T24).

Schemathesis makes requests that the description allows and some that it does not, and finds fault
with every 5xx and every answer that is not described. Run by `nox -s server`.
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge.service.serving import KEY, Served

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,unsupported_method"
)


@pytest.mark.server
def test_no_answer_is_undocumented(tmp_path: Path) -> None:
    """No request that is made of the description, or against it, has an answer beside it."""
    assert find_spec("schemathesis"), "install the dependency group `server`"
    with Served(tmp_path) as served:
        url = f"http://127.0.0.1:{served.port}/openapi.json"
        words = ["run", url, "--checks", CHECKS, "--max-examples", "25", "--seed", "7"]
        words += ["--header", f"Authorization: Bearer {KEY}", "--generation-database", "none"]
        judged = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
    assert judged.returncode == 0, judged.stdout[-6_000:] + judged.stderr[-2_000:]
