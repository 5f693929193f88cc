"""Checking a policy: what is sound has no problem, and each fault is told once, at its place."""

from pathlib import Path
from typing import Any

import pytest

from clew import schema
from clew.engine.compile import compile_policy
from clew.policy import check_policy, load_policy
from policy.samples import policy, write_folder

GONE = object()


def change(document: dict[str, Any], pointer: str, value: Any) -> None:
    """Put a value at a pointer, or take away what is there; `-` adds to a list."""
    *above, last = (
        int(step) if step.isdigit() else step.replace("~1", "/") for step in pointer[1:].split("/")
    )
    parent: Any = document
    for step in above:
        parent = parent[step]
    if value is GONE:
        del parent[last]
    elif last == "-":
        parent.append(value)
    else:
        parent[last] = value


def in_folder(pointer: str) -> tuple[str, str]:
    """Say where a piece of the document is when every part has a file of its own."""
    _, section, *below = pointer.split("/")
    if not below or section in {"parties", "traffic"}:
        return "policy.json", pointer
    return f"{section}/{below[0]}.json", "".join(f"/{step}" for step in below[1:])


@pytest.mark.parametrize(
    "document", [policy(), schema.load("policy")["examples"][0]], ids=["shop", "pizza"]
)
def test_sound(document: dict[str, Any]) -> None:
    """A sound policy has no problem, and compiles."""
    loaded = load_policy(document)
    assert check_policy(loaded) == ()
    assert compile_policy(loaded.policy).policy is loaded.policy


NOT_OURS = {"var": "predicted.score"}
COUNTED = {
    "id": "bought", "signal": "order_completed", "aggregate": "count", "purpose": "service"
}  # fmt: skip
BEFORE = "2026-02-01T00:00:00Z"

#: Where something is put, what, where the problem is, and its keyword.
FAULTS = {
    # Schema.
    "wrong type": ("/slots/0/priority", "high", "/slots/0/priority", "type"),
    "unknown field": ("/caps/0/limt", 3, "/caps/0/limt", "additionalProperties"),
    "no version": ("/creatives/3/version", GONE, "/creatives/3", "required"),
    "weight of zero": ("/slots/0/objective/0/weight", 0, "/slots/0/objective/0/weight",
                       "exclusiveMinimum"),
    "window of zero": ("/caps/0/window_seconds", 0, "/caps/0/window_seconds", "exclusiveMinimum"),
    "holdout of 150 %": ("/holdouts/0/share", 1.5, "/holdouts/0/share", "maximum"),
    "negative share": ("/slots/1/shares/sale", -0.1, "/slots/1/shares/sale", "minimum"),
    "unknown party": ("/parties/0", "nobody", "/parties/0", "enum"),
    "slot without default": ("/slots/0/default", GONE, "/slots/0", "required"),
    "slot without objective": ("/slots/0/objective", GONE, "/slots/0", "required"),
    "seconds without number": ("/slots/3/sticky_seconds", GONE, "/slots/3", "required"),
    # Names.
    "purpose of a purpose": ("/purposes/1/parent", "servce", "/purposes/1/parent",
                             "unknown_purpose"),
    "purpose of a signal": ("/signals/0/purposes/0", "sell", "/signals/0/purposes/0",
                            "unknown_purpose"),
    "purpose of a trait": ("/traits/0/purpose", "sell", "/traits/0/purpose", "unknown_purpose"),
    "purpose of a slot": ("/slots/3/purpose", "sell", "/slots/3/purpose", "unknown_purpose"),
    "purpose of a journey": ("/journeys/0/purpose", "sell", "/journeys/0/purpose",
                             "unknown_purpose"),
    "objective of a slot": ("/slots/1/objective", "order", "/slots/1/objective",
                            "unknown_objective"),
    "weighted objective": ("/slots/0/objective/1/id", "click", "/slots/0/objective/1/id",
                           "unknown_objective"),
    "default": ("/slots/2/default", "plein", "/slots/2/default", "unknown_creative"),
    "creative with a share": ("/slots/1/shares/slae", 0.0, "/slots/1/shares/slae",
                              "unknown_creative"),
    "creative of a moment": ("/moments/0/creatives/0", "plein", "/moments/0/creatives/0",
                             "unknown_creative"),
    "slot of a creative": ("/creatives/3/slots/0", "leter", "/creatives/3/slots/0",
                           "unknown_slot"),
    "slot of a holdout": ("/holdouts/1/scope/0", "her", "/holdouts/1/scope/0", "unknown_slot"),
    "catalogue of a slot": ("/slots/2/items/catalogue", "menue", "/slots/2/items/catalogue",
                            "unknown_catalogue"),
    "tag of a cap": ("/caps/0/tag", "promo", "/caps/0/tag", "unknown_tag"),
    "tag of a suppression": ("/suppressions/0/tags/0", "promo", "/suppressions/0/tags/0",
                             "unknown_tag"),
    "signal of a catalogue": ("/catalogues/0/learn/signal", "page_view",
                              "/catalogues/0/learn/signal", "unknown_signal"),
    "signal of a trait": ("/traits/0/signal", "page_vewed", "/traits/0/signal", "unknown_signal"),
    "signal of an objective": ("/objectives/0/signal", "order_complete",
                               "/objectives/0/signal", "unknown_signal"),
    "segment in a rule": ("/creatives/1/when", {"in": ["kean", {"var": "segments"}]},
                          "/creatives/1/when", "unknown_segment"),
    "journey in a rule": ("/suppressions/0/when", {"var": "journeys.cases"},
                          "/suppressions/0/when", "unknown_journey"),
    "id of two purposes": ("/purposes/-", {"id": "service", "basis": "contract"},
                           "/purposes/3/id", "duplicate_id"),
    "id of two traits of a kind": ("/traits/-", COUNTED | {"id": "views"}, "/traits/5/id",
                                   "duplicate_id"),
    "id of two items": ("/catalogues/0/items/1/id", "b", "/catalogues/0/items/1/id",
                        "duplicate_id"),
    "objective twice": ("/slots/0/objective/1/id", "orders", "/slots/0/objective/1/id",
                        "duplicate_id"),
    # Trees.
    "purposes in a circle": ("/purposes/0/parent", "personalise", "/purposes/1/parent", "cycle"),
    "purpose its own parent": ("/purposes/2/parent", "partners", "/purposes/2/parent", "cycle"),
    "objective its own parent": ("/objectives/0/parent", "orders", "/objectives/0/parent",
                                 "cycle"),
    # Objectives and holdouts.
    "no room for values": ("/objectives/0/value_min", 500, "/objectives/0/value_min",
                           "value_range"),
    "guardrail without max_drop": ("/objectives/2/max_drop", GONE, "/objectives/2", "max_drop"),
    "max_drop without guardrail": ("/objectives/0/max_drop", 0.1, "/objectives/0/max_drop",
                                   "max_drop"),
    "two holdouts of all": ("/holdouts/1/scope", "all", "/holdouts/1/scope", "holdout_scope"),
    "two holdouts of one salt": ("/holdouts/1/salt", "a", "/holdouts/1/salt", "holdout_salt"),
    "holdout ends too early": ("/holdouts/1/ends_at", "2025-01-01T00:00:00Z",
                               "/holdouts/1/ends_at", "schedule"),
    # Traits.
    "affinity without of": ("/traits/1/of", GONE, "/traits/1", "aggregate"),
    "together without by": ("/traits/2/by", GONE, "/traits/2", "aggregate"),
    "together without catalogue": ("/traits/2/catalogue", GONE, "/traits/2", "aggregate"),
    "half-life of a count": ("/traits/0/half_life_seconds", 60, "/traits/0", "aggregate"),
    "window of together": ("/traits/2/window_seconds", 60, "/traits/2", "aggregate"),
    "of outside the signal": ("/traits/1/of", "sku", "/traits/1/of", "unknown_path"),
    "of what the signal lacks": ("/traits/-", COUNTED | {"of": "data.size"}, "/traits/5/of",
                                 "unknown_field"),
    # Rules, templates and features.
    "operator in a segment": ("/segments/0/when", {"=>": [1, 2]}, "/segments/0/when/=>",
                              "unknown_operator"),
    "arguments in a condition": ("/traits/0/where", {"==": [1]}, "/traits/0/where/==", "arity"),
    "text for a rule": ("/segments/0/when", "computed.views >= 3", "/segments/0/when", "constant"),
    "a name for a rule": ("/creatives/1/when", ["keen"], "/creatives/1/when", "constant"),
    "a path for a value": ("/objectives/0/value", "data.total", "/objectives/0/value", "constant"),
    "tag in a template": ("/creatives/2/content/en/headline", "{% oops %}",
                          "/creatives/2/content/en/headline", "unsupported"),
    "template of items": ("/slots/2/items/content/name", "{{ item.name",
                          "/slots/2/items/content/name", "unclosed"),
    "trait of a segment": ("/segments/0/when", {"var": "computed.vews"}, "/segments/0/when",
                           "unknown_trait"),
    "trait of another kind": ("/creatives/3/when", {"var": "observed.views"},
                              "/creatives/3/when", "unknown_trait"),
    "merged trait": ("/moments/0/when", {"var": "traits.vews"}, "/moments/0/when",
                     "unknown_trait"),
    "trait in a template": ("/creatives/2/content/en/headline", "{{ computed.usul.top }}",
                            "/creatives/2/content/en/headline", "unknown_trait"),
    "trait in a feature": ("/slots/0/features/1", "computed.vews", "/slots/0/features/1",
                           "unknown_trait"),
    "area of a rule": ("/segments/0/when", {"var": "profile.views"}, "/segments/0/when",
                       "unknown_path"),
    "area of a template": ("/creatives/2/content/en/headline", "{{ item.name }}",
                           "/creatives/2/content/en/headline", "unknown_path"),
    "area of a feature": ("/slots/0/features/0", "channel", "/slots/0/features/0",
                          "unknown_path"),
    "empty feature": ("/slots/0/features/0", "", "/slots/0/features/0", "unknown_path"),
    "area of a value": ("/objectives/0/value", {"var": "computed.views"}, "/objectives/0/value",
                        "unknown_path"),
    "field of a value": ("/objectives/0/value", {"var": "data.totl"}, "/objectives/0/value",
                         "unknown_field"),
    "segment in a segment": ("/segments/0/when", {"in": ["bought", {"var": "segments"}]},
                             "/segments/0/when", "segment_in_segment"),
    # Slots.
    "no objective": ("/slots/0/objective", [], "/slots/0/objective", "no_objective"),
    "shares beyond one": ("/slots/1/shares/sale", 0.8, "/slots/1/shares", "shares"),
    "split without shares": ("/slots/1/shares", {}, "/slots/1", "shares"),
    "shares without split": ("/slots/0/shares", {"sale": 0.5}, "/slots/0/shares", "shares"),
    "share of a stranger": ("/slots/1/shares/note", 0.0, "/slots/1/shares/note", "shares"),
    "seconds without effect": ("/slots/0/sticky_seconds", 5, "/slots/0/sticky_seconds",
                               "sticky_seconds"),
    "default in another locale": ("/locale", "fr", "/creatives/0/content", "default"),
    "default with a hole": ("/creatives/0/content/de/headline", "{{ context.name }}",
                            "/creatives/0/content/de/headline", "default"),
    "default is a draft": ("/creatives/0/status", "draft", "/creatives/0/status", "default"),
    "pinned is no affinity": ("/slots/2/items/pinned", "computed.views",
                              "/slots/2/items/pinned", "pinned"),
    "pinned is no trait": ("/slots/2/items/pinned", "context.usual", "/slots/2/items/pinned",
                           "pinned"),
    "pinned is unknown": ("/slots/2/items/pinned", "computed.usul", "/slots/2/items/pinned",
                          "unknown_trait"),
    "together is no together": ("/slots/2/items/together", "usual", "/slots/2/items/together",
                                "together"),
    "together is unknown": ("/slots/2/items/together", "wiht", "/slots/2/items/together",
                            "unknown_trait"),
    # Creatives.
    "retired": ("/creatives/3/status", "retired", "/creatives/3/status", "unreachable"),
    "for no slot": ("/creatives/3/slots", [], "/creatives/3/slots", "unreachable"),
    "without content": ("/creatives/3/content", {}, "/creatives/3/content", "unreachable"),
    "never": ("/creatives/3/when", {"and": [{"var": "context.x"}, False]}, "/creatives/3/when",
              "unreachable"),
    "no data, no chance": ("/creatives/3/when", {"==": [1, 2]}, "/creatives/3/when",
                           "unreachable"),
    "neither": ("/creatives/3/when", {"or": [False, None]}, "/creatives/3/when", "unreachable"),
    "ends before it starts": ("/creatives/1/ends_at", BEFORE, "/creatives/1/ends_at",
                              "unreachable"),
    "on other channels": ("/creatives/2/channels", ["sms"], "/creatives/2/slots/0",
                          "unreachable"),
    "without a share": ("/creatives/3/slots/-", "banner", "/creatives/3/slots/1", "unreachable"),
    "among items": ("/creatives/3/slots/-", "extra", "/creatives/3/slots/1", "unreachable"),
    # Content.
    "lacks a field": ("/creatives/0/content/de", {}, "/creatives/0/content/de", "missing_field"),
    "a field too many": ("/creatives/4/content/en/subline", "Hurry",
                         "/creatives/4/content/en/subline", "unknown_field"),
    "too long": ("/creatives/4/content/en/headline", "x" * 31,
                 "/creatives/4/content/en/headline", "field_max"),
    "too large": ("/creatives/1/content/en/rank", 10, "/creatives/1/content/en/rank",
                  "field_max"),
    "too small": ("/creatives/1/content/en/rank", 0, "/creatives/1/content/en/rank", "field_min"),
    "no text": ("/creatives/4/content/en/headline", 5, "/creatives/4/content/en/headline",
                "field_type"),
    "no integer": ("/creatives/1/content/en/rank", 1.5, "/creatives/1/content/en/rank",
                   "field_type"),
    "a boolean": ("/creatives/1/content/en/rank", True, "/creatives/1/content/en/rank",
                  "field_type"),
    "a script": ("/creatives/1/content/en/link", "javascript:alert(1)",
                 "/creatives/1/content/en/link", "field_type"),
    "no instant": ("/creatives/1/content/en/ends", "soon", "/creatives/1/content/en/ends",
                   "field_type"),
    "a template for a number": ("/creatives/1/content/en/rank", "{{ computed.views }}",
                                "/creatives/1/content/en/rank", "field_type"),
    "not in the enum": ("/creatives/1/content/en/size", "m", "/creatives/1/content/en/size",
                        "field_enum"),
    # Permission.
    "template without permission": ("/creatives/2/content/en/headline", "{{ predicted.score }}",
                                    "/creatives/2/content/en/headline", "not_permitted"),
    "rule without permission": ("/creatives/3/when", NOT_OURS, "/creatives/3/when",
                                "not_permitted"),
    "child's data for the parent": ("/creatives/3/when", {"var": "computed.views"},
                                    "/creatives/3/when", "not_permitted"),
    "feature without permission": ("/slots/0/features/1", "predicted.score",
                                   "/slots/0/features/1", "not_permitted"),
    "segment without permission": ("/creatives/1/when", {"in": ["bought", {"var": "segments"}]},
                                   "/creatives/1/when", "not_permitted"),
    "item without permission": ("/slots/2/items/content/name", "{{ predicted.score }}",
                                "/slots/2/items/content/name", "not_permitted"),
}  # fmt: skip


@pytest.mark.parametrize(("put_at", "value", "at", "keyword"), FAULTS.values(), ids=FAULTS)
def test_fault(tmp_path: Path, put_at: str, value: Any, at: str, keyword: str) -> None:
    """Each fault is one problem, at its place in the document or in the file of the part."""
    document = policy()
    change(document, put_at, value)
    (problem,) = check_policy(load_policy(document))
    assert (problem.file, problem.pointer, problem.keyword) == (None, at, keyword)
    write_folder(tmp_path, document)
    (same,) = check_policy(load_policy(tmp_path))
    assert (same.file, same.pointer) == in_folder(at)
    assert (same.keyword, same.message) == (keyword, problem.message)


def test_no_objectives(tmp_path: Path) -> None:
    """A policy without any objective is refused, and so is every slot that names one (C15)."""
    document = policy() | {"objectives": []}
    problems = check_policy(load_policy(document))
    assert ("/objectives", "minItems") in {(one.pointer, one.keyword) for one in problems}
    named = [one.pointer for one in problems if one.keyword == "unknown_objective"]
    assert len(named) == len(problems) - 1 == 5


def test_all_at_once() -> None:
    """A policy with twelve faults has twelve problems, whatever their kinds."""
    document = policy()
    names = [
        "unknown party", "tag of a cap", "no room for values", "affinity without of",
        "operator in a segment", "seconds without effect", "on other channels", "a script",
        "lacks a field", "two holdouts of all", "purpose of a journey", "signal of a catalogue",
    ]  # fmt: skip
    chosen = [FAULTS[name] for name in names]
    for put_at, value, _, _ in chosen:
        change(document, put_at, value)
    problems = check_policy(load_policy(document))
    assert len(problems) == len(chosen) == 12
    assert {(one.pointer, one.keyword) for one in problems} == {fault[2:] for fault in chosen}


@pytest.mark.parametrize(
    ("put_at", "value", "said"),
    [
        pytest.param("/slots/2/default", "plein", "did you mean `plain`?", id="creative"),
        pytest.param("/slots/0/features/1", "computed.vews", "`computed.views`?", id="trait"),
        pytest.param("/caps/0/limt", 3, "did you mean `limit`?", id="field"),
        pytest.param("/slots/1/shares/sale", 0.8, "sum to 1.1", id="sum"),
    ],
)
def test_sentence(put_at: str, value: Any, said: str) -> None:
    """A problem says what is wrong, and the name that was probably meant."""
    document = policy()
    change(document, put_at, value)
    (problem,) = check_policy(load_policy(document))
    assert said in problem.message


def test_faulty_part_keeps_its_name() -> None:
    """Whatever names a part that breaks its schema is not called wrong for it."""
    document = policy()
    sections = ("creatives", "slots", "segments", "traits", "catalogues", "journeys", "purposes")
    for section in sections:
        change(document, f"/{section}/0/owner", 1)
    problems = check_policy(load_policy(document))
    keywords = ["type"] * (len(sections) - 1) + ["additionalProperties"]  # a purpose has no owner
    assert sorted(problem.keyword for problem in problems) == sorted(keywords)


def test_unknown_field_hides_nothing() -> None:
    """Beside a field that is not known, the other faults of a part are told."""
    document = policy()
    document["slots"][0] |= {"ownr": "web", "purpose": "sell", "sticky_seconds": 5}
    keywords = {problem.keyword for problem in check_policy(load_policy(document))}
    assert keywords == {"additionalProperties", "unknown_purpose", "sticky_seconds"}


def test_order() -> None:
    """Problems come in the order of the document, the tenth entry after the second."""
    document = policy()
    document["caps"] = [
        {"id": f"c{n:02}", "tag": "oops", "limit": 1, "window_seconds": 60} for n in range(12)
    ]
    problems = check_policy(load_policy(document))
    assert [problem.pointer for problem in problems] == [f"/caps/{n}/tag" for n in range(12)]


@pytest.mark.parametrize("slot", ["banner", "extra"])
def test_contextual(slot: str) -> None:
    """A creative that looks at the request alone is shown to who permits nothing (D1)."""
    document = policy()
    document["creatives"][3] |= {"slots": [slot], "when": {"var": "context.rain"}}
    assert check_policy(load_policy(document)) == ()


@pytest.mark.parametrize(
    ("put_at", "value"),
    [
        pytest.param("/slots/0/fields", {}, id="no fields declared"),
        pytest.param("/creatives/3/when", {"var": "traits.views"}, id="one kind is permitted"),
        pytest.param("/creatives/3/when", {"var": [{"var": "context.a"}]}, id="computed path"),
        pytest.param("/creatives/3/essential", True, id="essential"),
        pytest.param("/creatives/0/when", False, id="default that is only fallen back to"),
        pytest.param("/signals", GONE, id="any signal"),
        pytest.param("/creatives/1/content/en/link", "https://example.org/", id="link"),
        pytest.param("/creatives/1/content/en/ends", "2026-04-01T00:00:00Z", id="instant"),
        pytest.param("/traits/4/purpose", "service", id="parent's data for the child"),
    ],
)
def test_not_a_fault(put_at: str, value: Any) -> None:
    """What is unusual but right is no problem."""
    document = policy()
    change(document, put_at, value)
    assert check_policy(load_policy(document)) == ()
