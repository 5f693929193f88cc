"""The schema documents are sound, and what breaks them is said in sentences."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from clew import schema
from clew.errors import DocumentError
from clew.model.limits import ID_MAX

ROOT = Path(__file__).parents[2]
SIGNAL = {
    "id": "s",
    "type": "product_viewed",
    "subject": "u",
    "occurred_at": "2026-03-01T10:00:00Z",
}
POLICY: dict[str, Any] = schema.load("policy")["examples"][0]


def problem(name: str, document: object) -> tuple[str, str, str]:
    """Give the only problem of a document: where, which rule, which sentence."""
    with pytest.raises(DocumentError) as caught:
        schema.validate(name, document)
    [one] = caught.value.problems
    return one.pointer, one.keyword, one.message


def described(law: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every property and every definition of a document."""
    for group in ("properties", "$defs"):
        for name, one in law.get(group, {}).items():
            yield f"{place}/{name}", one
            yield from described(one, f"{place}/{name}")


@pytest.mark.parametrize("name", schema.names())
def test_a_document_is_a_schema(name: str) -> None:
    """Each document is valid under the metaschema and named by its file, with a major version."""
    document = schema.load(name)
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"urn:clew:{name}:1"


@pytest.mark.parametrize("name", schema.names())
def test_everything_is_described(name: str) -> None:
    """Each document, definition and field says what it is, in a sentence; objects have a title."""
    document = schema.load(name)
    for place, law in [(name, document), *described(document, name)]:
        assert re.fullmatch(r".{6,}[.)]", law.get("description", "")), place
        assert "properties" not in law or law["title"], place


@pytest.mark.parametrize("name", schema.names())
def test_references_stay_at_home(name: str) -> None:
    """Every `$ref` is within the document or a URN of ours, and leads somewhere."""
    resolver = schema.registry().resolver(f"urn:clew:{name}:1")
    text = (ROOT / f"schemas/{name}.schema.json").read_text(encoding="utf-8")
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', text)):
        assert reference.startswith(("#/$defs/", "urn:clew:"))
        assert resolver.lookup(reference).contents


def test_nothing_is_fetched() -> None:
    """A reference to elsewhere is an error without any connection being tried."""
    program = """if True:
        import sys
        from clew import schema
        from jsonschema import Draft202012Validator
        from referencing.exceptions import Unresolvable
        schema.validate("signal", %r)
        sys.addaudithook(lambda event, _: sys.exit(event) if event.startswith("socket") else None)
        law = {"$ref": "https://example.com/signal.schema.json"}
        try:
            Draft202012Validator(law, registry=schema.registry()).validate({})
        except Unresolvable:
            print("refused")
        """
    run = subprocess.run(
        [sys.executable, "-c", program % SIGNAL], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "refused"


def test_an_unknown_schema_is_named() -> None:
    """A schema that is not there is told with the nearest name."""
    with pytest.raises(LookupError, match="did you mean `policy`"):
        schema.validate("polcy", {})


def test_a_part_of_a_schema() -> None:
    """A name may point at a definition within a document."""
    schema.validate("batch#/$defs/batch_result", {"results": []})
    with pytest.raises(Unresolvable):
        schema.validate("batch#/$defs/nothing", {})


def test_the_example_policy_is_valid() -> None:
    """The policy that shows the spelling is valid under the schema."""
    schema.validate("policy", POLICY)


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        pytest.param(
            "profile",
            {"subject": "u", "as_of": "2026-03-01T10:00:00Z", "subjet": 1},
            ("/subjet", "additionalProperties",
             "`subjet` is not a field of the profile; did you mean `subject`?"),
            id="unknown-near",
        ),
        pytest.param(
            "signal",
            SIGNAL | {"colour": 1},
            ("/colour", "additionalProperties", "`colour` is not a field of the signal; remove it"),
            id="unknown-far",
        ),
        pytest.param(
            "signal",
            {name: value for name, value in SIGNAL.items() if name != "id"},
            ("", "required", "`id` is absent from the signal; add it: it is required"),
            id="absent",
        ),
        pytest.param(
            "policy",
            POLICY | {"holdouts": [{"id": "g", "salt": "1", "share": 1.5}]},
            ("/holdouts/0/share", "maximum", "`share` is 1.5; it must be at most 1"),
            id="bound",
        ),
        pytest.param(
            "policy",
            POLICY | {"holdouts": [{"id": "g", "salt": "1", "share": 0.1, "serve": "noth"}]},
            ("/holdouts/0/serve", "enum",
             '`serve` is "noth"; it must be one of `default`, `nothing`; did you mean `nothing`?'),
            id="vocabulary",
        ),
        pytest.param(
            "signal",
            SIGNAL | {"source": None},
            ("/source", "type", "`source` is null; leave out what has no value"),
            id="null",
        ),
        pytest.param(
            "decision_request",
            {"slots": ["hero", 7]},
            ("/slots/1", "type", "an entry of `slots` is 7; it must be text"),
            id="entry",
        ),
        pytest.param(
            "decision_request",
            [],
            ("", "type", "the document is []; it must be an object"),
            id="document",
        ),
        pytest.param(
            "decision_request",
            {"slots": []},
            ("/slots", "minItems", "`slots` is []: 0 entries; it must have at least 1"),
            id="size",
        ),
        pytest.param(
            "signal",
            SIGNAL | {"id": "x" * 129},
            ("/id", "maxLength",
             f'`id` is "{"x" * 58}…: 129 characters; it must have at most {ID_MAX}'),
            id="long",
        ),
        pytest.param(
            "signal",
            SIGNAL | {"occurred_at": "2026-02-30T10:00:00Z"},
            ("/occurred_at", "format",
             '`occurred_at` is "2026-02-30T10:00:00Z"; the calendar has no such instant'),
            id="calendar",
        ),
        pytest.param(
            "policy",
            POLICY | {"holdouts": [{"id": "g", "salt": "1", "share": 0.1, "scope": "some"}]},
            ("/holdouts/0/scope", "oneOf",
             '`scope` is "some"; expected: `all`, or the slots it covers'),
            id="alternatives",
        ),
        pytest.param(
            "policy",
            POLICY | {"slots": [POLICY["slots"][0] | {"objective": [{"id": "orders"}]}]},
            ("/slots/0/objective/0", "required",
             "`weight` is absent from the weighted objective; add it: it is required"),
            id="within-an-alternative",
        ),
        pytest.param(
            "outcome",
            {"id": "o", "type": "sent", "occurred_at": "2026-03-01T10:00:00Z"},
            ("", "anyOf", "none of `decision`, `token`, `request_id` is there; give one of them"),
            id="one-of-several",
        ),
    ],
)  # fmt: skip
def test_the_sentence(name: str, document: object, expected: tuple[str, str, str]) -> None:
    """A problem says where it is, what was found, what is expected and what to do."""
    assert problem(name, document) == expected


def test_all_problems_at_once() -> None:
    """Every fault of a document is told, in the order of their places."""
    with pytest.raises(DocumentError) as caught:
        schema.validate("signal", {"id": "", "type": "9 lives", "occurred_at": "soon", "who": 1})
    assert [(one.pointer, one.keyword) for one in caught.value.problems] == [
        ("", "required"),
        ("/id", "minLength"),
        ("/occurred_at", "pattern"),
        ("/type", "pattern"),
        ("/who", "additionalProperties"),
    ]


@pytest.mark.parametrize("path", [("a/b", 0), ("m~n",), ()])
def test_a_pointer_leads_back(path: tuple[str | int, ...]) -> None:
    """A JSON Pointer escapes what RFC 6901 escapes, and names the value again."""
    document: Any = {"a/b": ["found"], "m~n": "found"} if path else "found"
    written = schema.pointer(path)
    for step in written.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        document = document[int(key) if isinstance(document, list) else key]
    assert document == "found"


def test_requirements_have_one_number_each() -> None:
    """The requirements are numbered once each, without gaps, and say MUST, SHOULD or MAY."""
    text = (ROOT / "schemas/README.md").read_text(encoding="utf-8")
    requirements = re.findall(r"^- \*\*W(\d+)\.(\d+)\*\* (.+)$", text, re.MULTILINE)
    numbers = [(int(group), int(number)) for group, number, _ in requirements]
    sizes = Counter(group for group, _ in numbers)
    assert numbers == [
        (group, number) for group in sorted(sizes) for number in range(1, sizes[group] + 1)
    ]
    assert sorted(sizes) == list(range(1, len(sizes) + 1))
    assert len(requirements) == text.count("- **W")


def test_the_readme_lists_every_document() -> None:
    """The overview names each document and nothing else."""
    text = (ROOT / "schemas/README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\w+)\.schema\.json\)", text)) == list(schema.names())
