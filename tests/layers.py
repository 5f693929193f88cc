"""
The check that imports point down only.

The sources are read, not run (`ast`), so an import inside a function or a string given to
`import_module` counts as much as one at the top. Imports for the type checker alone
(`if TYPE_CHECKING:`) may close a cycle, which is never run, but may not point up either.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from attrs import evolve, frozen

__all__ = ["Import", "Tree", "breaches", "read_trees"]

#: The units of clew from the bottom up; "" is `clew/__init__.py`, the public face of those below.
LAYERS = (
    ("errors", "loading", "once"),
    ("clock", "ids", "items", "model"),
    ("codec", "logic", "schema", "templates"),
    ("engine", "measure", "trust"),
    ("policy",),
    ("cache", "delivery", "threads"),
    ("backends",),
    ("facts",),
    ("asking", "consenting", "failures", "fallback", "linking", "outlet"),
    ("answers", "options"),
    ("core", "memo"),
    ("async_client", "async_visitor", "client", "visitor"),
    ("pages",),
    ("",),
    ("integrations",),
    ("cli",),
    ("testing",),
)
RANKS = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}

#: What `clew_edge`, as any other adapter to a framework, may import beside the names of
#: `clew.__all__`, with what lies in it.
PUBLIC_MODULES = frozenset(
    {
        "clew.codec",
        "clew.errors",
        "clew.facts",
        "clew.model",
        "clew.once",
        "clew.policy",
        "clew.schema",
        "clew.threads",
    }
)

#: What speaks ASGI or waits; the markup scanner takes bytes and gives tokens.
ASGI = frozenset({"anyio", "asgiref", "asyncio", "starlette", "uvicorn"})

#: The conditions of an `if` whose body only the type checker reads.
FOR_TYPES = frozenset({"TYPE_CHECKING", "typing.TYPE_CHECKING"})


@frozen
class Import:
    """One module naming another."""

    importer: str
    line: int
    #: A module; of the trees read, the deepest one that was named.
    target: str
    #: What is taken from the target; None is the module itself.
    name: str | None = None
    typing_only: bool = False

    def __str__(self) -> str:
        taken = self.target if self.name is None else f"{self.name} of {self.target}"
        return f"{self.importer}:{self.line} imports {taken}"


#: The imports of every module.
Tree = Mapping[str, Collection[Import]]


class Finder(ast.NodeVisitor):
    """Collects every way in which one file names a module."""

    def __init__(self, module: str, *, is_package: bool) -> None:
        self.module = module
        self.package = module.split(".")[: None if is_package else -1]
        self.typing_only = False
        self.found: list[Import] = []

    def add(self, node: ast.AST, target: str, name: str | None = None) -> None:
        """Keep one import."""
        self.found.append(Import(self.module, node.lineno, target, name, self.typing_only))

    def visit_Import(self, node: ast.Import) -> None:
        """`import a.b`."""
        for alias in node.names:
            self.add(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """`from a.b import c`, or relative to the package."""
        above = self.package[: len(self.package) + 1 - node.level] if node.level else []
        target = ".".join([*above, *filter(None, [node.module])])
        for alias in node.names:
            self.add(node, target, alias.name)

    def visit_Call(self, node: ast.Call) -> None:
        """`import_module("a.b")`."""
        if ast.unparse(node.func).endswith("import_module"):
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    self.add(node, argument.value)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """`clew.name`, which takes a name as `from clew import name` does."""
        if isinstance(node.value, ast.Name) and node.value.id == "clew":
            self.add(node, "clew", node.attr)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """What stands under `if TYPE_CHECKING:` is never run."""
        before, self.typing_only = self.typing_only, ast.unparse(node.test) in FOR_TYPES
        for child in node.body:
            self.visit(child)
        self.typing_only = before
        for child in [node.test, *node.orelse]:
            self.visit(child)


def read_trees(*roots: Path) -> Tree:
    """Read the imports of every module below the folders; each root holds import packages."""
    found: dict[str, list[Import]] = {}
    for root in roots:
        for path in root.rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            module = ".".join(parts[:-1] if is_package else parts)
            finder = Finder(module, is_package=is_package)
            finder.visit(ast.parse(path.read_text(encoding="utf-8")))
            found[module] = finder.found
    return {module: [resolve(found, one) for one in imports] for module, imports in found.items()}


def resolve(modules: Collection[str], one: Import) -> Import:
    """`from a import b` names the module `a.b` where there is one."""
    deeper = f"{one.target}.{one.name}"
    return evolve(one, target=deeper, name=None) if deeper in modules else one


def breaches(tree: Tree, public: Collection[str]) -> list[str]:
    """Say of every import that breaks a rule which it is and why; `public` is `clew.__all__`."""
    imports = [one for each in tree.values() for one in each]
    return [
        *unknown_units(tree),
        *upward(imports),
        *into_testing(imports),
        *into_edge(imports),
        *not_public(imports, public),
        *asgi_below_markup(tree),
        *cycles(tree),
    ]


def within(module: str, package: str) -> bool:
    """Whether the module is the package or lies in it."""
    return module == package or module.startswith(f"{package}.")


def unit_of(module: str) -> str | None:
    """The unit of clew a module belongs to; None is outside of clew."""
    return [*module.split("."), ""][1] if within(module, "clew") else None


def unknown_units(tree: Tree) -> Iterator[str]:
    """Every unit has its layer."""
    units = {unit for module in tree if (unit := unit_of(module)) is not None}
    for unit in sorted(units - RANKS.keys()):
        yield f"clew.{unit} has no layer: give it one in LAYERS"


def upward(imports: Collection[Import]) -> Iterator[str]:
    """No import points to a higher layer."""
    for one in imports:
        importer, target = RANKS.get(unit_of(one.importer)), RANKS.get(unit_of(one.target))
        if importer is not None and target is not None and importer < target:
            yield f"{one}, which lies higher"


def into_testing(imports: Collection[Import]) -> Iterator[str]:
    """Nothing that runs in production needs what tests need."""
    for one in imports:
        if within(one.target, "clew.testing") and not within(one.importer, "clew.testing"):
            yield f"{one}, which is for tests"


def into_edge(imports: Collection[Import]) -> Iterator[str]:
    """The SDK works without the edge."""
    for one in imports:
        if within(one.target, "clew_edge") and within(one.importer, "clew"):
            yield f"{one}, which builds on clew"


def not_public(imports: Collection[Import], public: Collection[str]) -> Iterator[str]:
    """The edge uses what any application may use."""
    for one in imports:
        if not within(one.importer, "clew_edge") or not within(one.target, "clew"):
            continue
        allowed = one.name in {None, *public} if one.target == "clew" else False
        if not allowed and not any(within(one.target, module) for module in PUBLIC_MODULES):
            yield f"{one}, which is not public"


def asgi_below_markup(tree: Tree) -> Iterator[str]:
    """Nothing that the markup scanner reaches within the edge knows ASGI."""
    ahead, seen = [module for module in tree if within(module, "clew_edge.markup")], set[str]()
    while ahead:
        module = ahead.pop()
        if module in seen:
            continue
        seen.add(module)
        for one in tree[module]:
            if one.target.split(".")[0] in ASGI:
                yield f"{one}, and clew_edge.markup knows no ASGI"
            elif one.target in tree and within(one.target, "clew_edge"):
                ahead.append(one.target)


def cycles(tree: Tree) -> Iterator[str]:
    """No module needs itself in the end."""
    needs = {
        module: {one.target for one in imports if one.target in tree and not one.typing_only}
        for module, imports in tree.items()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        yield "cycle: " + " <- ".join(error.args[1])
