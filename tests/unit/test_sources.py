"""Which package files a stage is made of."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import cvpire
import pytest
from cvpire import sources as sources_module
from cvpire.sources import sources

PACKAGE = Path(cvpire.__file__).parent


def names(*modules):
    """The found files, relative to the package."""
    return [path.relative_to(PACKAGE).as_posix() for path in sources(*modules)]


def test_the_attack_is_made_of_what_it_imports():
    found = names("attack.loop", "networks.convolutional")

    expected = {"attack/loop.py", "attack/batches.py", "networks/network.py", "networks/backbone.py", "errors.py"}
    assert expected | {"networks/convolutional.py", "networks/folding.py"} <= set(found)
    rooms = {name.partition("/")[0] for name in found}
    assert not {"variance", "quality", "saving.py", "cli", "cli.py", "config", "options.py"} & rooms
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("errors", ["errors.py"]),
        ("attack.batches", ["attack/batches.py", "errors.py"]),
        ("quality.pixels", ["colour.py", "errors.py", "quality/pair.py", "quality/pixels.py"]),
        ("variance.colour", ["colour.py", "variance/colour.py", "variance/scaling.py", "variance/windows.py"]),
        ("perturbations", ["errors.py", "files.py", "perturbations.py", "untrusted/arrays.py"]),
        (
            "retrieval.ranking",
            [
                "datasets/__init__.py",
                "datasets/listing.py",
                "errors.py",
                "files.py",
                "layout.py",
                "photos/__init__.py",
                "photos/formats.py",
                "photos/profiles.py",
                "photos/samples.py",
                "progress.py",
                "retrieval/average_precision.py",
                "retrieval/describing.py",
                "retrieval/descriptors.py",
                "retrieval/ranking.py",
                "retrieval/similarity.py",
                "untrusted/arrays.py",
            ],
        ),
    ],
)
def test_sources_of_a_module(module, expected):
    assert names(module) == expected


def test_a_package_with_imports_of_its_own_counts():
    assert "datasets/__init__.py" in names("datasets.listing")
    assert "networks/__init__.py" not in names("networks.network")


@pytest.mark.parametrize("module", ["atack", "networks.nothing", "cvpire.attack", ""])
def test_unknown_modules_are_refused(module):
    with pytest.raises(ModuleNotFoundError, match="no such module"):
        sources("errors", module)


MODULES = {
    "direct.py": "from cvpire.leaf import value\n",
    "module.py": "from cvpire import leaf\n",
    "plain.py": "import os\nimport cvpire.leaf\n",
    "nested.py": "def function():\n    if True:\n        from cvpire.sub.inner import value\n",
    "mutual.py": "from cvpire.nested import function\nimport cvpire.cycle\n",
    "cycle.py": "import cvpire.mutual\n",
    "text.py": '"""from cvpire.leaf import value"""\n# import cvpire.leaf\nimport json, cvpirelike.leaf\n',
    "typed.py": "import cvpire.beside\nif TYPE_CHECKING:\n    from cvpire.leaf import value\n",
    "beside.py": "PAGE = 'page.html'\n",
    "page.html": "<p>",
    "other.html": "<p>",
    "leaf.py": "value = 1\n",
    "sub/__init__.py": '"""Only words."""\n',
    "sub/inner.py": "import cvpire.leaf\n",
}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("direct", {"leaf.py"}),
        ("module", {"leaf.py"}),
        ("plain", {"leaf.py"}),
        ("nested", {"sub/inner.py", "leaf.py"}),
        ("mutual", {"cycle.py", "nested.py", "sub/inner.py", "leaf.py"}),
        ("text", set()),
        ("typed", {"beside.py", "page.html"}),
    ],
)
def test_every_way_to_import_is_found(tmp_path, monkeypatch, module, expected):
    package = tmp_path / "cvpire"
    for name, text in MODULES.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    monkeypatch.setattr(sources_module, "_PACKAGE", package)

    found = {path.relative_to(package).as_posix() for path in sources(module)}

    assert found == expected | {f"{module}.py"}


def test_the_package_imports_by_full_names():
    """The walk does not follow relative imports, so there may be none."""
    for file in PACKAGE.rglob("*.py"):
        imports = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
        assert not [node.module for node in imports if node.level], file


@pytest.mark.parametrize(
    "module", ["variance.maps", "quality.compare", "photos", "retrieval.ranking", "datasets.folder"]
)
def test_sources_hold_all_that_python_imports(module, tmp_path):
    """The import walk misses nothing of what the interpreter really loads."""
    code = f"""
import sys, cvpire.{module}
for name, loaded in sys.modules.items():
    if name.startswith("cvpire."):
        print(loaded.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
    )

    loaded = {Path(file) for file in done.stdout.splitlines()}
    documentation = {file for file in loaded if file.name == "__init__.py" and "import" not in file.read_text()}

    assert loaded - documentation <= set(sources(module))
    assert len(loaded) > 1
