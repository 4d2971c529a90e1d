"""Which files of this package a stage is made of.

Snakemake sees a change in a rule's inputs and parameters, but not in the modules that its command imports. The rules
therefore name these files among their inputs: an edit of a plot reruns plots, an edit of the attack reruns attacks.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


def sources(*modules: str) -> list[Path]:
    """Find the package files that modules import, directly or through each other.

    Parameters
    ----------
    *modules : str
        Names within the package, like `attack` or `retrieval.ranking`.

    Returns
    -------
    list of Path
        Sorted: the modules, what they import, and the files beside them that they name: plot styles, tables, templates.
        Imports inside functions count, those for type checkers do not; `__init__` files without imports of their own
        hold only documentation and are left out.
    """
    return list(_sources(modules))


@cache
def _sources(modules: tuple[str, ...]) -> tuple[Path, ...]:
    found: set[Path] = set()
    waiting = [_file(module) for module in modules]
    if None in waiting:
        raise ModuleNotFoundError(f"no such module in {_PACKAGE}: {modules[waiting.index(None)]}")
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            names, named = _mentioned(file)
            waiting += [imported for name in names if (imported := _file(name))]
            found |= named
    return tuple(sorted(found))


@cache
def _mentioned(file: Path) -> tuple[tuple[str, ...], frozenset[Path]]:
    """Names that a module imports, and files beside it that it names."""
    nodes = list(_executed(ast.parse(file.read_text(encoding="utf-8"))))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    beside = {other for other in file.parent.iterdir() if other.suffix not in ("", ".py") and other.name in texts}
    return tuple(_imported_names(nodes)), frozenset(beside)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a module, without what is there for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from _executed(node)


def _imported_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    prefix = _PACKAGE.name + "."
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix(prefix) for alias in node.names if alias.name.startswith(prefix))
        elif isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith(prefix):
            module = f"{node.module}.".removeprefix(prefix)
            yield module.rstrip(".")
            yield from (module + alias.name for alias in node.names)  # `from cvpire import files` names modules


def _file(module: str) -> Path | None:
    path = _PACKAGE.joinpath(*module.split(".")) if module else _PACKAGE
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    initialiser = path / "__init__.py"
    return initialiser if initialiser.is_file() and "import" in initialiser.read_text(encoding="utf-8") else None
