"""Which files of this package a stage is made of.

Snakemake sees a change in a rule's inputs and parameters, but not in the modules that its command imports. The rules
therefore name these files among their inputs: an edit of a plot reruns plots, an edit of the attack reruns attacks.
"""

import ast
from collections.abc import Iterator
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
        Sorted: the modules, what they import, and the plot styles beside them. Imports inside functions count;
        `__init__` files without imports of their own hold only documentation and are left out.
    """
    found: set[Path] = set()
    waiting = [_file(module) for module in modules]
    if None in waiting:
        raise ModuleNotFoundError(f"no such module in {_PACKAGE}: {modules[waiting.index(None)]}")
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += [imported for name in _imports(file) if (imported := _file(name))]
    styles = {style for file in found for style in file.parent.glob("*.mplstyle")}
    return sorted(found | styles)


@cache
def _imports(file: Path) -> tuple[str, ...]:
    return tuple(_imported_names(ast.parse(file.read_text(encoding="utf-8"))))


def _imported_names(tree: ast.AST) -> Iterator[str]:
    prefix = _PACKAGE.name + "."
    for node in ast.walk(tree):
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
