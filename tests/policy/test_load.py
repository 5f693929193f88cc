"""Loading a policy: a document, a file and a folder are one policy, and faults have their file."""

import json
from pathlib import Path
from typing import Any

import pytest

from clew.errors import DocumentError, Problem
from clew.model.policy import CatalogueItem
from clew.policy import check_policy, load_policy
from clew.policy.depth import DEPTH_MAX
from policy.samples import policy, write_folder


def fault(folder: Path) -> Problem:
    """Give the only fault of a folder."""
    (problem,) = check_policy(load_policy(folder))
    return problem


def test_one_policy(tmp_path: Path) -> None:
    """A document, its file and its folder give the same policy under the same digest."""
    document = load_policy(policy())
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(policy()), encoding="utf-8")
    folder = tmp_path / "shop"
    folder.mkdir()
    write_folder(folder, policy())
    for other in (load_policy(file), load_policy(str(folder))):
        assert other.document == document.document
        assert other.policy == document.policy
        assert other.sha256 == document.sha256


def test_canonical() -> None:
    """Parts are in the order of their ids, sets are sorted, and sequences stay as written."""
    found = load_policy(policy()).policy
    assert [slot.id for slot in found.slots] == ["banner", "extra", "hero", "letter"]
    hero = found.slots[2]
    assert hero.channels == ("app", "web")
    assert hero.features == ("computed.views", "context.channel", "segments")
    assert [one.id for one in hero.objective] == ["orders", "clicks"]  # type: ignore[union-attr]
    assert [item.id for item in found.catalogues[0].items] == ["a", "b"]
    assert found.journeys[0].states == ("open", "closed")


def test_schema_is_named() -> None:
    """The document names its schema, whether or not its author did."""
    named = policy() | {"$schema": "urn:clew:policy:1"}
    assert load_policy(named).sha256 == load_policy(policy()).sha256
    (problem,) = check_policy(load_policy(policy() | {"$schema": "urn:clew:policy:2"}))
    assert (problem.pointer, problem.keyword) == ("/$schema", "const")


def test_source_is_kept() -> None:
    """The document that is given is copied, and stays as it is."""
    document = policy()
    loaded = load_policy(document)
    assert document == policy()
    document["slots"].clear()
    assert len(loaded.policy.slots) == 4


def test_many_parts_in_a_file(tmp_path: Path) -> None:
    """A file holds one part or a list of them, in the section's folder, below it, or beside it."""
    document = policy()
    slots, creatives, traits = (document.pop(name) for name in ("slots", "creatives", "traits"))
    (tmp_path / "slots").mkdir()
    (tmp_path / "creatives/spring/early").mkdir(parents=True)
    for name, content in {
        "policy.json": document,
        "slots/first.json": slots[:2],
        "slots/second.json": slots[2:],
        "creatives/plain.json": creatives[0],
        "creatives/spring/early/others.json": creatives[1:],
        "traits.json": traits,
        ".vscode.json": {"not": "ours"},
    }.items():
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8-sig")
    (tmp_path / "README.md").write_text("About the shop.", encoding="utf-8")
    loaded = load_policy(tmp_path)
    assert check_policy(loaded) == ()
    assert loaded.sha256 == load_policy(policy()).sha256


@pytest.mark.parametrize(
    ("pointer", "origin"),
    [
        ("", ("policy.json", "")),
        ("/locale", ("policy.json", "/locale")),
        ("/slots", ("policy.json", "/slots")),
        ("/slots/0", ("slots/1.json", "")),
        ("/slots/2/features/0", ("slots/0.json", "/features/1")),
        ("/slots/2/fields/rank/min", ("slots/0.json", "/fields/rank/min")),
        ("/creatives/4/slots/1", ("creatives/1.json", "/slots/1")),
        ("/catalogues/0/items/0/price", ("catalogues/0.json", "/items/1/price")),
        ("/caps/0/a~1b", ("caps/0.json", "/a~1b")),
    ],
)
def test_origin(tmp_path: Path, pointer: str, origin: tuple[str, str]) -> None:
    """Every piece of the document is traced to where it was written."""
    write_folder(tmp_path, policy())
    assert load_policy(tmp_path).origin(pointer) == origin


@pytest.mark.parametrize(
    ("name", "content", "keyword", "said"),
    [
        pytest.param("slots/x.json", b'{"id":\n "x",}', "json", "line 2, column 5", id="comma"),
        pytest.param("slots/x.json", b"", "json", "line 1, column 1", id="empty"),
        pytest.param("slots/x.json", b"null", "json", "null", id="null"),
        pytest.param("slots/x.json", b'{"a": 1, "a": 2}', "json", "`a` stands 2 times", id="twice"),
        pytest.param("slots/x.json", b'{"a": NaN}', "json", "line 1, column 7", id="NaN"),
        pytest.param("slots/x.json", b'{"id": "\xff"}', "unreadable", "byte 8", id="latin"),
        pytest.param("slot/x.json", b"{}", "unknown_section", "`slots`?", id="section"),
        pytest.param("x.json", b"{}", "unknown_section", "one of purposes, signals", id="nothing"),
        pytest.param("slots/x.csv", b"id\nx\n", "csv", "write this as JSON", id="table of slots"),
    ],
)
def test_unreadable(tmp_path: Path, name: str, content: bytes, keyword: str, said: str) -> None:
    """A file that cannot be read is the problem, and nothing that would follow from it."""
    write_folder(tmp_path, policy())
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    problem = fault(tmp_path)
    assert (problem.file, problem.pointer, problem.keyword) == (name, "", keyword)
    assert said in problem.message


def test_all_unreadable_files(tmp_path: Path) -> None:
    """All files that cannot be read are told at once."""
    write_folder(tmp_path, policy())
    for name in ("policy.json", "slots/1.json", "traits/0.json"):
        (tmp_path / name).write_text("{", encoding="utf-8")
    files = [problem.file for problem in check_policy(load_policy(tmp_path))]
    assert files == ["policy.json", "slots/1.json", "traits/0.json"]


@pytest.mark.parametrize(
    ("source", "keyword"),
    [
        pytest.param("absent.json", "unreadable", id="no such file"),
        pytest.param({"id": {1, 2}}, "json", id="no JSON"),
        pytest.param({"id": 2**70}, "json", id="too large"),
    ],
)
def test_no_document(source: Any, keyword: str) -> None:
    """A source that holds no document is a problem, and has no policy."""
    loaded = load_policy(source)
    assert [problem.keyword for problem in check_policy(loaded)] == [keyword]
    with pytest.raises(DocumentError, match="policy: 1 problem"):
        _ = loaded.policy


def test_no_object(tmp_path: Path) -> None:
    """A file with a list is no policy."""
    (tmp_path / "p.json").write_text("[]", encoding="utf-8")
    assert fault(tmp_path / "p.json").keyword == "type"


def test_policy_raises(tmp_path: Path) -> None:
    """What breaks its schema has no policy; the error says where it was written."""
    document = policy()
    document["slots"][2]["strategy"] = "bandits"
    write_folder(tmp_path, document)
    with pytest.raises(DocumentError, match=r"slots/2\.json /strategy: .*did you mean `bandit`"):
        _ = load_policy(tmp_path).policy


def test_shapeless_parts() -> None:
    """Sections and parts of any shape are problems, not errors."""
    document = policy() | {"caps": 5, "holdouts": ["x", None], "parties": "all", "moments": [[]]}
    pointers = [problem.pointer for problem in check_policy(load_policy(document))]
    assert pointers == ["/caps", "/holdouts/0", "/holdouts/1", "/moments/0", "/parties"]


CREATIVES = (
    "id,version,slots,tags,channels,priority,essential,when,"
    "content.en.headline,content.de.headline\n"
    'sale,2,banner|hero,promotion,web | email,1.5,TRUE,"{""=="": [1, 1]}",'
    '"Half, ""price""",\n'
    "\n"
    "again,1,hero,,,,,,Again?,Nochmal?\n"
)


def test_creatives_of_a_table(tmp_path: Path) -> None:
    """Each row of a table is a creative; empty cells are left out."""
    document = policy() | {"creatives": policy()["creatives"][:1], "segments": []}
    write_folder(tmp_path, document)
    (tmp_path / "creatives/table.csv").write_text(CREATIVES, encoding="utf-8-sig")
    loaded = load_policy(tmp_path)
    assert loaded.document["creatives"][0] == {
        "id": "again",
        "version": "1",
        "slots": ["hero"],
        "content": {"en": {"headline": "Again?"}, "de": {"headline": "Nochmal?"}},
    }
    assert loaded.document["creatives"][2] == {
        "id": "sale",
        "version": "2",
        "slots": ["banner", "hero"],
        "tags": ["promotion"],
        "channels": ["email", "web"],
        "priority": 1.5,
        "essential": True,
        "when": {"==": [1, 1]},
        "content": {"en": {"headline": 'Half, "price"'}},
    }
    assert loaded.origin("/creatives/0/slots/0") == ("creatives/table.csv", "/4/slots/0")


def test_items_of_a_table(tmp_path: Path) -> None:
    """A table of items is the catalogue it is named after; other columns are data."""
    write_folder(tmp_path, policy())
    (tmp_path / "catalogues/0.json").unlink()
    rows = "id,name,price,available,colour\nz,Zest,2,,\na,,1.50,false,red\n"
    (tmp_path / "catalogues/menu.csv").write_text(rows, encoding="utf-8")
    loaded = load_policy(tmp_path)
    assert check_policy(loaded) == ()
    assert loaded.policy.catalogues[0].items == (
        CatalogueItem(id="a", price=1.5, available=False, data={"colour": "red"}),
        CatalogueItem(id="z", name="Zest", price=2),
    )
    assert loaded.origin("/catalogues/0/items/0/price") == ("catalogues/menu.csv", "/3/price")


@pytest.mark.parametrize(
    ("file", "text", "pointer", "said"),
    [
        pytest.param("creatives/x.csv", "", "/1", "empty", id="empty"),
        pytest.param("creatives/x.csv", "id,priority\na,high\n", "/2/priority", "'high'",
                     id="number"),
        pytest.param("creatives/x.csv", "id,essential\na,true\nb,yes\n", "/3/essential", "'yes'",
                     id="boolean"),
        pytest.param("creatives/x.csv", 'id,when\na,"{"\n', "/2/when", "character 2", id="rule"),
        pytest.param("creatives/x.csv", "id,version\na\n", "/2", "1 cells", id="few cells"),
        pytest.param("creatives/x.csv", "id\n\na,b\n", "/3", "2 cells", id="many cells"),
        pytest.param("creatives/x.csv", "id,id\na,b\n", "/1/id", "two columns", id="column twice"),
        pytest.param("creatives/x.csv", "id,slot\na,b\n", "/1/slot", "`slots`?", id="column"),
        pytest.param("creatives/x.csv", "id,content.en\na,b\n", "/1/content.en", "locale and field",
                     id="content"),
        pytest.param("creatives/x.csv", 'id\n"a"b\n', "/2", "no CSV", id="quotes"),
        pytest.param("catalogues/x.csv", "id,price\na,\nb,€2\n", "/3/price", "'€2'", id="price"),
    ],
)  # fmt: skip
def test_faulty_table(tmp_path: Path, file: str, text: str, pointer: str, said: str) -> None:
    """A fault of a table is told with the number of its row."""
    write_folder(tmp_path, policy())
    (tmp_path / file).write_text(text, encoding="utf-8")
    problem = fault(tmp_path)
    assert (problem.file, problem.pointer, problem.keyword) == (file, pointer, "csv")
    assert f"row {pointer.split('/')[1]}" in problem.message
    assert said in problem.message


def test_duplicates_over_files(tmp_path: Path) -> None:
    """An id that two files give is a problem of one of them."""
    write_folder(tmp_path, policy())
    copy = (tmp_path / "slots/0.json").read_bytes()
    (tmp_path / "slots/copy.json").write_bytes(copy)
    problem = fault(tmp_path)
    assert (problem.file, problem.pointer, problem.keyword) == (
        "slots/copy.json", "/id", "duplicate_id"
    )  # fmt: skip


def nested(levels: int) -> Any:
    """A rule of so many operators, one in the other."""
    rule: Any = True
    for _ in range(levels):
        rule = {"!": rule}
    return rule


def written(folder: Path, when: Any, way: str) -> Any:
    """A policy whose first creative has a rule, written in one of the ways."""
    document = policy()
    first = document["creatives"][0]
    first["when"] = when
    if way == "document":
        return document
    if way == "file":
        (folder / "shop.json").write_text(json.dumps(document), encoding="utf-8")
        return folder / "shop.json"
    write_folder(folder, policy())
    (folder / "creatives/0.json").write_text(json.dumps(first), encoding="utf-8")
    return folder


#: By way of writing, how many levels stand above a rule of a creative, and its pointer.
ABOVE = {
    "document": (3, "/creatives/0/when"),
    "file": (3, "/creatives/0/when"),
    "folder": (1, "/when"),
}


@pytest.mark.parametrize("more", [1, 100, 400, 800], ids=lambda more: f"{more}-too-deep")
@pytest.mark.parametrize("way", ABOVE)
def test_nested_too_deep(tmp_path: Path, way: str, more: int) -> None:
    """What is nested deeper than a policy may be is a fault with its place, however written."""
    above, place = ABOVE[way]
    most = DEPTH_MAX - above
    (problem,) = check_policy(load_policy(written(tmp_path, nested(most + more), way)))
    assert (problem.keyword, problem.pointer) == ("depth", place + "/!" * most)
    assert f"more than {DEPTH_MAX} deep" in problem.message


@pytest.mark.parametrize("way", ABOVE)
def test_nested_as_deep_as_may_be(tmp_path: Path, way: str) -> None:
    """At the bound a policy is read, and what its rules do not allow is told by their check."""
    rule = nested(DEPTH_MAX - ABOVE[way][0])
    problems = check_policy(load_policy(written(tmp_path, rule, way)))
    assert problems
    assert all("at most 32 deep" in one.message for one in problems)


def test_a_document_that_holds_itself() -> None:
    """A document without an end is nested too deep, not walked for ever."""
    document = policy()
    document["creatives"][0]["content"] = document
    (problem,) = check_policy(load_policy(document))
    assert problem.keyword == "depth"


def test_a_cell_nested_too_deep(tmp_path: Path) -> None:
    """A rule in a table is bounded as any other."""
    write_folder(tmp_path, policy())
    rule = json.dumps(nested(DEPTH_MAX + 1)).replace('"', '""')
    table = f'id,version,slots,when\nx,1,hero,"{rule}"\n'
    (tmp_path / "creatives/more.csv").write_text(table, encoding="utf-8")
    problem = fault(tmp_path)
    assert (problem.keyword, problem.pointer) == ("csv", "/2/when")
    assert "deep" in problem.message
