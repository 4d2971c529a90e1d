"""Every example of docs/extending.md, made in a copy of the project and run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml
from cvpire import layout
from cvpire.datasets import Dataset
from cvpire.datasets.listing import write_listing
from cvpire.results import Attack, Run, as_json

from tests.workflow.conftest import ROOT, make_photo, new_project

# One process for these tests: they share a copy of the project.
pytestmark = pytest.mark.xdist_group("extending")

TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(python|sh)\n(.*?)```", flags=re.DOTALL)
PATH = r"`(workflow/[\w/]+\.py)`"
# What the words before a block of code say to do with it, the last of them nearest to the block.
NEW, ENTRY, AFTER, INSTEAD = (
    re.compile(pattern, flags=re.DOTALL)
    for pattern in (
        rf"{PATH}:\s*$",
        rf"Entry in {PATH}, `(\w+)`.*:\s*$",
        rf"In {PATH}, after\s+`([^`]+)`:\s*$",
        rf"In {PATH}, instead of\s+`([^`]+)`:\s*$",
    )
)


class Example(NamedTuple):
    """A section: changes of files, and commands."""

    title: str
    commands: list[str]


def applied(section: str, folder: Path) -> Example:
    """Change the files of a project as a section says."""
    commands, before = [], 0
    for block in BLOCK.finditer(section):
        words, code = section[before : block.start()], block[2]
        before = block.end()
        if block[1] == "sh":
            commands += code.splitlines()
        elif found := ENTRY.search(words):
            path = folder / found[1]
            text = path.read_text(encoding="utf-8")
            opening = re.search(rf"^{found[2]}\b.*[({{]$", text, flags=re.MULTILINE)
            end = re.compile(r"^[)}]$", flags=re.MULTILINE).search(text, opening.end()).start()
            path.write_text(text[:end] + code + text[end:], encoding="utf-8")
        elif found := AFTER.search(words):
            path = folder / found[1]
            text = path.read_text(encoding="utf-8")
            # Behind the field and its docstring.
            end = (
                re.compile(rf'^ +{re.escape(found[2])}.*?\n +""".*?"""\n', re.MULTILINE | re.DOTALL).search(text).end()
            )
            path.write_text(text[:end] + code + text[end:], encoding="utf-8")
        elif found := INSTEAD.search(words):
            path = folder / found[1]
            text = path.read_text(encoding="utf-8")
            assert text.count(found[2]) == 1, f"{found[1]}: {found[2]}"
            path.write_text(text.replace(found[2], code.strip()), encoding="utf-8")
        else:
            path = folder / NEW.search(words)[1]
            assert not path.exists()
            path.write_text(code, encoding="utf-8")
    return Example(section.partition("\n")[0], commands)


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the project with everything of the page added, and the examples by title."""
    folder = new_project(tmp_path_factory.mktemp("extended") / "project").folder
    examples = [applied(section, folder) for section in TEXT.split("\n## ")[1:]]
    for seed, name in enumerate(("photo", "other")):
        make_photo(seed, 1).resize((128, 96)).save(folder / f"{name}.png")
    for number in (1, 2):
        make_photo(number, 2).save(folder / "photos" / f"tower-{number}.jpg")
    np.save(folder / "map.npy", np.ones((96, 128), np.float32))
    write_results(folder / "results")
    return folder, {example.title: example for example in examples}


def write_results(root: Path) -> None:
    """Two queries of one dataset, unattacked and under one attack."""
    about = Attack("CV-PIRE", ("net",), {"town": ("net",)}, 50, 2, "cv", ".jpg")
    run = Run({"town": "folder"}, {"cv-pire": about}, {"town": ("net",)}, {"cv": "CV-PIRE"})
    rows = [
        {
            "dataset": "town",
            "transformation": "none",
            "network": "net",
            "attack": attack,
            "label": label,
            "victim": "net",
            "query": query,
        }
        | {"headline": True, "ap": ap, "ssim": ssim, "multiplier": multiplier, "iteration": 2}
        for attack, label, ssim, multiplier in (("original", "Original", 1.0, None), ("cv-pire", "CV-PIRE", 0.9, 50))
        for query, ap in (("a", 0.25), ("b", 0.5))
    ]
    (root / "tables").mkdir(parents=True)
    layout.path(layout.RUN, root).write_text(json.dumps(as_json(run)))
    (root / "town").mkdir()
    write_listing(layout.path(layout.LISTING, root, dataset="town"), Dataset({}, (), {}))
    code = "import sys; from cvpire.tables.collection import COLUMNS; print(*COLUMNS)"
    columns = subprocess.run(
        [sys.executable, "-c", code], env=environment(root.parent), capture_output=True, text=True, check=True
    )
    pd.DataFrame(rows).reindex(columns=columns.stdout.split()).to_csv(
        layout.path(layout.ALL_QUERIES, root), index=False
    )


def environment(folder: Path) -> dict[str, str]:
    """Of a process that takes the copy's package."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PYTHONPATH": str(folder / "workflow"), "PATH": path}


def run(folder: Path, command: str) -> str:
    """Run a command in the copy, and return what it prints."""
    done = subprocess.run(command, shell=True, cwd=folder, env=environment(folder), text=True, capture_output=True)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def outputs(extended, title: str) -> tuple[Path, list[str]]:
    folder, examples = extended
    return folder, [run(folder, command) for command in examples[title].commands]


def test_the_table_lists_the_examples():
    titles = re.findall(r"^## (.*)$", TEXT, flags=re.MULTILINE)
    linked = re.findall(r"^\| \[(.*?)\]\(#(.*?)\)", TEXT, flags=re.MULTILINE)
    assert [title.lower() for title in titles] == [words.lower() for words, _ in linked]
    assert [title.lower().replace(" ", "-") for title in titles] == [anchor for _, anchor in linked]


def test_a_kind_of_variance_map(extended):
    folder, _ = outputs(extended, "A kind of variance map")
    values = np.load(folder / "map.npy")
    assert values.shape == (96, 128) and values.max() == 1 and np.ptp(values) > 0.5


def test_an_option_of_an_attack(extended):
    folder, _ = outputs(extended, "An option of an attack")
    full, slow = (np.load(folder / f"{name}.npz")["perturbation"] for name in ("full", "slow"))
    assert not np.array_equal(full, slow)
    assert "Steps over which the learning rate grows to its size" in " ".join(
        run(folder, "cvpire attack --help").split()
    )


def test_an_attack_that_optimises_through_something(extended):
    folder, _ = outputs(extended, "An attack that optimises through something")
    assert np.isfinite(np.load(folder / "halved.npz")["perturbation"]).all()


def test_an_optimiser(extended):
    folder, _ = outputs(extended, "An optimiser")
    steepest, adam = (np.load(folder / f"{name}.npz")["perturbation"] for name in ("steepest", "adam"))
    assert np.isfinite(steepest).all() and not np.array_equal(steepest, adam)


def test_a_network(extended):
    folder, _ = outputs(extended, "A network")
    descriptors = np.load(folder / "blocks.npy")
    assert descriptors.shape == (2, 6)
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, atol=1e-6)


def test_a_retrieval_system(extended):
    folder, _ = outputs(extended, "A retrieval system")
    descriptors = np.load(folder / "colours.npy")
    assert descriptors.shape == (2, 24)
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, atol=1e-6)


def test_a_measure(extended):
    _, (said,) = outputs(extended, "A measure")
    assert 0 < json.loads(said)["edges"] < 1


def test_a_table(extended):
    folder, _ = outputs(extended, "A table")
    table = pd.read_csv(folder / "results" / "tables" / "table-worst.csv")
    assert table.values.tolist() == [["town", "Original", "b", 50.0], ["town", "CV-PIRE", "b", 50.0]]
    assert "50.00" in (folder / "results" / "tables" / "table-worst.md").read_text()


def test_a_figure(extended):
    folder, _ = outputs(extended, "A figure")
    assert (folder / "results" / "figures" / "figure-ours.pdf").stat().st_size > 1000
    assert len(pd.read_csv(folder / "results" / "figures" / "figure-ours.csv")) == 4


def test_a_kind_of_dataset(extended):
    folder, _ = outputs(extended, "A kind of dataset")
    listed = json.loads((folder / "listing.json").read_text())
    assert listed["queries"]["tower-1"]["relevant"] == ["tower-2"]


def test_the_workflow_and_the_estimate_know_all_of_it(extended):
    """One configuration uses everything that was added; no rule, plan or command was edited."""
    folder, _ = extended
    config = yaml.safe_load((folder / "config" / "config.yaml").read_text())
    config["datasets"] = {"towers": {"kind": "grouped", "folder": "photos"}}
    config["networks"]["blocks"] = {"architecture": "blocks"}
    config["systems"] = {"colours": {"kind": "colours"}}
    config["victims"] = [*config["networks"], "colours"]
    config["transformations"] = {"turned": {"mirrored": True}}
    config["variance"]["sat"] = {"kind": "saturation"}
    config["attacks"]["ours"] = {"network": "blocks", "variance": "sat", "through": ["halved"], "warm_up": 4}
    config["attacks"]["ours"] |= {"optimiser": "steepest"}
    config["figures"]["ours"] = {}
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    planned = run(folder, "snakemake --dry-run --cores 1 all 2>&1")
    counts = dict(re.findall(r"^(\w[\w-]+) +(\d+)$", planned, flags=re.MULTILINE))
    assert counts["make_table_worst"] == counts["draw_figure_ours"] == "1"
    assert int(counts["save_queries_ours"]) > 0
    assert (
        counts["rank_transformed"] == str(len(config["victims"]))
        and "--kind colours" in planned
        and "{mirrored: true}" in planned
    )
    assert "--kind saturation" in planned and "--through halved" in planned and "--warm-up 4" in planned
    for module in (
        "variance/saturation.py",
        "attack/halving.py",
        "attack/steepest.py",
        "networks/blocks.py",
        "quality/sharpness.py",
        "retrieval/systems/colours.py",
        "transformations/mirroring.py",
    ):
        assert f"workflow/cvpire/{module}" in planned, "an edit of it makes its jobs run again"
    assert "descriptors" in run(folder, "cvpire estimate config/config.yaml")
