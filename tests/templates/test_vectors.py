"""
The vectors under `schemas/vectors/templates`.

Those of `liquid_*.json` were agreed with an independent implementation of Liquid; where clew is
stricter or follows Ruby more closely, the expectation is in `missing.json` and `exact.json`.
"""

import json
from pathlib import Path

import pytest

from clew.templates import compile_template

VECTORS = Path(__file__).parents[2] / "schemas/vectors/templates"
CASES = [
    pytest.param(file.stem, case, id=f"{file.stem}: {case['name']}")
    for file in sorted(VECTORS.glob("*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("file", "case"), CASES)
def test_a_template_renders_as_its_vector_says(file, case):
    """Every vector renders to its text, or to nothing where it expects null."""
    template = compile_template(case["template"], escape=file == "escaped")
    assert template.render(case["data"]) == case["expected"]


def test_vectors_cover_every_file():
    """No file of vectors is empty or missing."""
    counts = {file.stem: 0 for file in VECTORS.glob("*.json")}
    for case in CASES:
        counts[case.values[0]] += 1
    assert set(counts) == {
        *("escaped", "exact", "missing"),
        *("liquid_conditions", "liquid_filters", "liquid_outputs"),
    }
    assert min(counts.values()) >= 7
