"""
The check of a whole policy: every fault at once, each with its file, its place and a way out.

The keywords of the problems, besides those of JSON Schema, of rules and of templates:

=====================  ============================================================================
json, csv, type,       a file cannot be read; then nothing else is told, since what it holds may be
unreadable, depth,     what other files name
unknown_section
duplicate_id           an id is given twice
unknown_*              something is named that is not there: `unknown_slot`, `unknown_trait` …
cycle                  a purpose or an objective is its own ancestor
aggregate              a trait lacks what its aggregate needs, or declares what it has no use for
no_objective, shares,  a slot that maximises nothing, or is filled as it cannot be
sticky_seconds
pinned, together       a list slot is filled from traits of the wrong aggregate
default                a creative that cannot always be shown, as the default of a slot must be
segment_in_segment     a segment looks at segments
value_range, max_drop, an objective or a holdout that cannot measure
holdout_scope,
holdout_salt, schedule
unreachable            a creative that nobody can ever be shown
missing_field, field_* content does not fit its slot
not_permitted          a slot reads what its purpose does not permit
=====================  ============================================================================
"""

from collections.abc import Iterator

from clew import schema
from clew.errors import DocumentError, Problem
from clew.policy.checks import measuring, names, trees
from clew.policy.checks.content import content
from clew.policy.checks.defaults import defaults
from clew.policy.checks.permission import permission
from clew.policy.checks.reach import reach
from clew.policy.checks.rules import features, rules, templates
from clew.policy.checks.slots import slots
from clew.policy.checks.traits import traits
from clew.policy.compiled import compiled
from clew.policy.load import LoadedPolicy
from clew.policy.parts import Parts

__all__ = ["check_policy"]


def check_policy(loaded: LoadedPolicy) -> tuple[Problem, ...]:
    """
    Find every fault of a policy, in the order of its files; a sound policy has none.

    What breaks its schema is left out of the other checks, so one fault is told once. A policy
    without faults compiles.
    """
    if loaded.problems:
        return loaded.problems
    problems = {loaded.placed(problem) for problem in _problems(loaded)}
    return tuple(sorted(problems, key=_place))


def _problems(loaded: LoadedPolicy) -> Iterator[Problem]:
    document = loaded.document
    try:
        schema.validate("policy", document)
    except DocumentError as error:
        yield from error.problems
    yield from names.duplicates(document)
    parts = Parts.of(document)
    code = compiled(parts)
    yield from names.references(parts)
    yield from trees.cycles(parts)
    yield from measuring.objectives(parts)
    yield from measuring.holdouts(parts)
    yield from traits(parts)
    yield from code.problems
    yield from rules(parts, code)
    yield from templates(parts, code)
    yield from features(parts)
    yield from slots(parts)
    yield from defaults(parts, code)
    yield from reach(parts, code)
    yield from content(parts, code)
    yield from permission(parts, code)


def _place(problem: Problem) -> tuple[str, list[str], str, str]:
    # Numbers are padded, so that the tenth entry comes after the second.
    steps = problem.pointer.split("/")
    padded = [step.zfill(9) if step.isdigit() else step for step in steps]
    return problem.file or "", padded, problem.keyword, problem.message
