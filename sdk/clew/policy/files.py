"""
A policy as people keep it: one document, one JSON file, or a folder of small files.

A folder holds `policy.json` with what is said once (id, version, locale …) and, for each section,
a folder or a file of its name: `slots/hero.json`, `creatives/spring/sale.csv`, `traits.json`. A
JSON file holds one part or a list of parts. Tables are creatives, or the items of the catalogue
that the file is named after. Names that begin with a dot are passed over, and so is any file that
is neither JSON nor CSV. JSON is nested at most 100 deep (`DEPTH_MAX`).

Every fault of reading is kept, with its file; what could be read is there none the less.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from attrs import Factory, evolve, frozen

from clew.errors import Problem
from clew.policy import tables
from clew.policy.depth import DEPTH_MAX, beyond
from clew.policy.sections import SECTIONS
from clew.schema import nearest, pointer

__all__ = ["Part", "Written", "read"]

_HEAD = "policy"
_KINDS = frozenset({".csv", ".json"})
_TABLES = ("catalogues", "creatives")


@frozen
class Part:
    """A value of a policy and where it was written."""

    value: Any
    file: str | None
    #: JSON Pointer within the file. The first step into a table is the number of the row.
    pointer: str
    #: Where pieces of the value stand, by their pointer within it, if not below `pointer`.
    pieces: Mapping[str, str] = Factory(dict)


@frozen
class Written:
    """All that was read, as it was written."""

    #: The file of what is said once.
    file: str | None = None
    #: Fields of the policy that are no sections; a section that is no list is kept here too.
    head: dict[str, Part] = Factory(dict)
    sections: dict[str, list[Part]] = Factory(dict)
    problems: list[Problem] = Factory(list)

    def add(self, document: Mapping[str, Any]) -> None:
        """Add a document that may hold all of a policy."""
        for name, value in document.items():
            here = pointer([name])
            if name in SECTIONS and isinstance(value, list):
                self.add_parts(name, value, self.file, here)
            else:
                self.head[name] = Part(value, self.file, here)

    def add_parts(self, section: str, values: list[Any], file: str | None, above: str) -> None:
        """Add parts to a section."""
        parts = self.sections.setdefault(section, [])
        parts += [Part(value, file, f"{above}/{place}") for place, value in enumerate(values)]


def read(source: "Mapping[str, Any] | str | Path") -> Written:
    """Read a policy from a document, a file or a folder; what is wrong is in `problems`."""
    if isinstance(source, Mapping):
        return _read_document(source)
    path = Path(source)
    if path.is_dir():
        return _read_folder(path)
    written = Written(path.name)
    _read_head(path, written)
    return written


def _read_document(source: Mapping[str, Any]) -> Written:
    written = Written()
    if _is_too_deep(source, None, written.problems):
        return written
    try:
        # The caller may go on changing its own.
        document = orjson.loads(orjson.dumps(dict(source)))
    except (TypeError, orjson.JSONEncodeError) as error:
        written.problems.append(Problem("", "json", f"the document is no JSON: {error}"))
    else:
        written.add(document)
    return written


def _read_head(path: Path, written: Written) -> None:
    document = _read_json(path, path.name, written.problems)
    if isinstance(document, dict):
        written.add(document)
    elif document is not None:
        message = "a policy is one JSON object"
        written.problems.append(Problem("", "type", message, path.name))


def _read_folder(folder: Path) -> Written:
    written = Written(f"{_HEAD}.json")
    head = folder / f"{_HEAD}.json"
    _read_head(head, written)
    for path in sorted(folder.rglob("*")):
        steps = path.relative_to(folder).parts
        hidden = any(step.startswith(".") for step in steps)
        if path != head and path.suffix in _KINDS and path.is_file() and not hidden:
            _read_part(path, "/".join(steps), written)
    return written


def _read_part(path: Path, file: str, written: Written) -> None:
    section = file.partition("/")[0].removesuffix(path.suffix)
    problems = written.problems
    if section not in SECTIONS:
        hint = nearest(section, SECTIONS) or f"; put it into one of {', '.join(SECTIONS)}"
        message = f"`{section}` is no section of a policy{hint}"
        problems.append(Problem("", "unknown_section", message, file))
    elif path.suffix == ".json":
        document = _read_json(path, file, problems)
        if isinstance(document, list):
            written.add_parts(section, document, file, "")
        elif document is not None:
            written.sections.setdefault(section, []).append(Part(document, file, ""))
    elif section in _TABLES:
        written.sections.setdefault(section, []).extend(_read_table(path, file, section, problems))
    else:
        message = f"only {' and '.join(_TABLES)} may be tables; write this as JSON"
        problems.append(Problem("", "csv", message, file))


def _read_table(path: Path, file: str, section: str, problems: list[Problem]) -> list[Part]:
    text = _read_text(path, file, problems)
    if text is None:
        return []
    report = partial(_report, problems, file)
    if section == "creatives":
        rows = tables.creatives(text, report)
        return [Part(value, file, f"/{number}") for number, value in rows.items()]
    rows = tables.catalogue_items(text, report)
    catalogue = {"id": path.stem, "items": list(rows.values())}
    pieces = {f"/items/{place}": f"/{number}" for place, number in enumerate(rows)}
    return [Part(catalogue, file, "", pieces)]


def _report(problems: list[Problem], file: str, problem: Problem) -> None:
    problems.append(evolve(problem, file=file))


def _read_text(path: Path, file: str, problems: list[Problem]) -> str | None:
    try:
        # Spreadsheets and some editors begin a file with a byte order mark.
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        message = f"it cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        message = f"it is not in UTF-8: byte {error.start} is wrong; save it as UTF-8"
    problems.append(Problem("", "unreadable", message, file))
    return None


def _read_json(path: Path, file: str, problems: list[Problem]) -> Any:
    """Read JSON (RFC 8259); None when it is none."""
    text = _read_text(path, file, problems)
    if text is None:
        return None
    try:
        # What reads members one by one may only be given what it has the stack for.
        if _is_too_deep(orjson.loads(text), file, problems):
            return None
        document = json.loads(text, object_pairs_hook=_unique)
    except orjson.JSONDecodeError as error:
        message = f"this is no JSON: {error.msg}, line {error.lineno}, column {error.colno}"
    except ValueError as error:
        message = str(error)
    else:
        if document is not None:
            return document
        message = "this is null; write an object or a list"
    problems.append(Problem("", "json", message, file))
    return None


def _is_too_deep(document: Any, file: str | None, problems: list[Problem]) -> bool:
    """Whether a document is nested deeper than policies may be; then that is its problem."""
    steps = beyond(document)
    if steps is None:
        return False
    message = f"it is nested more than {DEPTH_MAX} deep here; split or flatten it"
    problems.append(Problem(pointer(steps), "depth", message, file))
    return True


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members, of which a reader of JSON would drop all of a name but one."""
    names = [name for name, _ in members]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"`{name}` stands {names.count(name)} times in one object; keep one")
    return dict(members)
