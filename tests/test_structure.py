"""The structure of the code: how many rooms, which names, and which way imports point.

`lint-imports` holds the layers; these tests hold what it cannot see.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "rag").rglob("*.py"), *(ROOT / "eval").rglob("*.py")])
PRODUCT = [path for path in SOURCES if not {"bench", "training"} & set(path.relative_to(ROOT).parts)]

ROOMS = 24
"""Modules and packages on the first level of rag/ and eval/ together, at the most."""

RETIRED = frozenset(
    (
        "note notes plan planned leads fuse fused strays unnamed leans ladder rung rungs climb purse till keeper gate "
        "gated pace replies answerer asked together overlap folder folders"
    ).split()
)
"""Words of an earlier vocabulary. CONTRIBUTING lists the standard term for each."""

KEPT = {
    "replies",  # the setting `replies`, CITEBRIEF_REPLIES and --replies keep their name
    "gates",  # the option --gate
}


def identifiers(path: Path) -> Iterator[str]:
    """Every name that ``path`` defines: modules, classes, functions, arguments, variables and attributes."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr


def words_of_identifier(name: str) -> list[str]:
    """``LargeWriter`` and ``large_writer`` → large, writer."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_")


def test_the_first_level_has_few_rooms() -> None:
    rooms = [
        path
        for top in ("rag", "eval")
        for path in (ROOT / top).iterdir()
        if (path.suffix == ".py" and path.name != "__init__.py") or (path / "__init__.py").is_file()
    ]
    assert len(rooms) <= ROOMS, sorted(path.name for path in rooms)


def test_no_identifier_has_a_word_of_the_earlier_vocabulary() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in PRODUCT
        for name in identifiers(path)
        if name not in KEPT and RETIRED & set(words_of_identifier(name))
    }
    assert not found, sorted(found)


def test_no_two_public_classes_or_constants_share_a_name() -> None:
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for path in PRODUCT:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = []
            if isinstance(node, ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names = [node.target.id]
            for name in names:
                if name[0].isupper():  # a class, a type or a constant
                    homes[name].add(str(path.relative_to(ROOT)))
    shared = {name: sorted(paths) for name, paths in homes.items() if len(paths) > 1}
    assert not shared


def test_rag_never_imports_its_evaluation_harness() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "rag").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rag.eval"))
        or (isinstance(node, ast.ImportFrom) and node.module == "rag" and any(a.name == "eval" for a in node.names))
        or (isinstance(node, ast.Import) and any(alias.name.startswith("rag.eval") for alias in node.names))
    ]
    assert not found


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("rag", "eval", exclude_type_checking_imports=True)
    cycles = [
        chain
        for module in sorted(graph.modules)
        for imported in graph.find_modules_directly_imported_by(module)
        if (chain := graph.find_shortest_chain(imported, module)) is not None
    ]
    assert not cycles, cycles[0]
