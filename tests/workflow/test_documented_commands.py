"""Every command of the README and of docs/: its options exist, and the tutorials do what they say.

A block of commands that this test cannot run (it needs the thesis's data, two finished runs) has `<!-- needs: ... -->`
before it. It must still be understood.
"""

import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import skimage.data
import typer
from cvpire.cli import app
from PIL import Image
from snakemake.cli import parse_args
from typer.testing import CliRunner

from tests.workflow.conftest import ROOT, SNAKEMAKE, make_photo

# docs/extending.md: test_extending.py runs its examples, on options that only they add.
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if page.name != "extending.md"]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
PROGRAMS = ("cvpire", "snakemake", "make", "sbatch", ".")

BLOCK = re.compile(
    r"(?:<!-- needs: (?P<needs>[\w ]+) -->\n+)?"
    r"(?:^```(?P<language>\w*)\n(?P<fenced>.*?)^```$|(?<=\n\n)(?P<indented>(?: {4}[^\n]*\n|\n(?= {4}))+))",
    flags=re.MULTILINE | re.DOTALL,
)
INLINE = re.compile(r"(?<!`)`((?:cvpire|snakemake|make|sbatch)\s[^`]+)`")


class Command(NamedTuple):
    """A call as a page shows it."""

    page: str
    words: tuple[str, ...]
    needs: str | None
    """What it cannot run without."""
    inline: bool
    """Stands in a sentence: arguments may be left out."""


def commands(page: Path) -> list[Command]:
    """All commands of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in BLOCK.finditer(text):
        lines = re.sub(r"\\\n", " ", block["fenced"] or block["indented"] or "").splitlines()
        lines = [line.strip() for line in lines if line.strip()]
        shell = (block["language"] or "sh") in ("sh", "bash", "console")
        if not shell or not any(line.split()[0] in PROGRAMS for line in lines):
            continue  # a file, a picture of the code
        for line in lines:
            words = tuple(shlex.split(line, comments=True))
            found.append(Command(page.relative_to(ROOT).as_posix(), words, block["needs"], inline=False))
    plain = BLOCK.sub("\n", text)
    for span in INLINE.finditer(plain):
        found.append(Command(page.relative_to(ROOT).as_posix(), tuple(shlex.split(span[1])), None, inline=True))
    return found


ALL = [command for page in PAGES for command in commands(page)]


def named(command: Command) -> str:
    return f"{command.page}: {' '.join(command.words)}"


# --- What they say can be said ----------------------------------------------------------------------------------------


def understand(command: Command) -> None:
    """Raise where a program would not understand its command line."""
    program, *arguments = command.words
    if program == "cvpire":
        understand_cvpire(arguments, command.inline)
    elif program == "snakemake":
        understand_snakemake(arguments)
    elif program == "make":
        understand_make(arguments)
    elif program == "sbatch":
        script = next(word for word in arguments if not word.startswith("-"))
        assert (ROOT / script).is_file(), script
        understand_snakemake(arguments[arguments.index(script) + 1 :])
    else:
        assert command.words == (".", ".venv/bin/activate"), "no program that this test knows"


def understand_cvpire(arguments: list[str], inline: bool) -> None:
    whole = typer.main.get_command(app)
    name, *rest = arguments
    if name in ("STAGE", "--help"):
        return
    assert name in whole.commands, f"no command {name}"
    try:
        whole.commands[name].make_context(name, rest)
    except typer.Exit as done:  # --help
        assert done.exit_code == 0
    except Exception as fault:  # Typer may bring a click of its own, so its class is known by name
        if type(fault).__name__ != "MissingParameter" or not inline:
            raise


def understand_snakemake(arguments: list[str]) -> None:
    _, options = parse_args(["--cores", "1", *arguments] if "--cores" not in arguments else arguments)
    for path in [*(options.configfile or []), *filter(None, [options.workflow_profile])]:
        assert Path(path).exists(), f"no {path}"


def understand_make(arguments: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in arguments:
        if "=" in word:
            assert f"$({word.partition('=')[0]})" in makefile, f"no variable {word}"
        else:
            assert re.search(rf"^{re.escape(word)}:.*##", makefile, flags=re.MULTILINE), f"no target {word}"


def test_commands_are_found():
    """The number falls when the pages are written in a way that this test does not read."""
    programs = [command.words[0] for command in ALL if not command.inline]
    assert programs.count("cvpire") > 30 and programs.count("snakemake") > 15 and programs.count("make") > 4
    for page in TUTORIALS:
        assert sum(command.words[0] == "cvpire" for command in commands(page)) > 4, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_are_understood(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    wrong = []
    for command in commands(page):
        try:
            understand(command)
        except (Exception, SystemExit) as fault:
            wrong.append(f"{named(command)}: {fault}")
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cvpire varience photo.png map.npy", "no command varience"),
        ("cvpire variance photo.png map.npy --knd colour", "No such option"),
        ("cvpire variance photo.png map.npy --kind color", "'color' is not one of"),
        ("cvpire variance photo.png", "Missing parameter: output"),
        ("snakemake --coars all", "2"),
        ("snakemake --cores all --configfile config/gone.yaml", "no .*config/gone.yaml"),
        ("make dmeo", "no target dmeo"),
        ("make bench SUITE=attack", "no variable SUITE=attack"),
        ("sbatch profiles/gpu/plot.sh", "profiles/gpu/plot.sh"),
        ("convert photo.png", "no program that this test knows"),
    ],
)
def test_a_wrong_command_is_noticed(line, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises((Exception, SystemExit)) as caught:
        understand(Command("a page", tuple(line.split()), None, inline=False))
    assert re.search(message, str(caught.value)), caught.value


# --- They do what they say --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """The project with a photo and folders of photos under the names that the pages use."""
    folder = tmp_path_factory.mktemp("documented") / "project"
    folder.mkdir()
    for part in ("Snakefile", "rules", "workflow", "profiles", "envs", "config"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        ignore = {"ignore": shutil.ignore_patterns("__pycache__", "*.egg-info")} if (ROOT / part).is_dir() else {}
        copy(ROOT / part, folder / part, **ignore)
    Image.fromarray(skimage.data.astronaut()).save(folder / "photo.jpg", quality=95)
    names = [f"{scene}-{number}" for scene in ("town-hall", "bridge") for number in (1, 2)]
    for place, photos in (("PHOTOS", names), ("holidays/jpg", ["100000", "100001", "100100", "100101"])):
        (folder / place).mkdir(parents=True)
        for seed, name in enumerate(photos):
            make_photo(seed, seed // 2).save(folder / place / f"{name}.jpg", quality=95)
    truth = {"imlist": names, "qimlist": names[:1], "gnd": [{"ok": [0, 1], "junk": [], "bbx": [0, 0, 60, 40]}]}
    (folder / "gnd_oxford5k.pkl").write_bytes(pickle.dumps(truth))
    return folder


@pytest.fixture
def place(template, tmp_path, monkeypatch) -> Path:
    shutil.copytree(template, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def dry_run(folder: Path, arguments: tuple[str, ...]) -> str:
    """What Snakemake would do."""
    words = [str(SNAKEMAKE), *arguments, *([] if {"-n", "--dry-run"} & set(arguments) else ["-n"])]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": str(folder / "workflow"), "PATH": path}
    done = subprocess.run(words, cwd=folder, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout + done.stderr


def cvpire(arguments: tuple[str, ...]) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, f"cvpire {shlex.join(arguments)}: {done.output} {done.exception!r}"
    return done.stdout


def follow(page: Path, folder: Path) -> dict[str, str]:
    """Do what a tutorial says; returns what each command printed. Runs of Snakemake are dry."""
    printed = {}
    for command in commands(page):
        program, *arguments = command.words
        if command.needs or command.inline or program in (".", "make"):
            continue
        run = cvpire if program == "cvpire" else lambda words: dry_run(folder, words)
        printed[shlex.join(command.words)] = run(tuple(arguments))
    return printed


def ssim(printed: str) -> list[float]:
    said = json.loads(printed)
    return [each["ssim"] for each in (said if isinstance(said, list) else [said])]


@pytest.fixture(autouse=True)
def _threads(one_thread):
    """Attacks in this process change torch's number of threads."""


def test_check_the_paper(place):
    printed = follow(ROOT / "docs/tutorials/check-the-paper.md", place)
    (text,) = ssim(printed["cvpire quality small.png text.jpg"])
    (wide,) = ssim(printed["cvpire quality --preset released small.png released.jpg"])
    (right,) = ssim(printed["cvpire quality --data-range 1 small.png released.jpg"])
    assert right < wide, "a dynamic range of 2 flatters"
    assert right < text - 0.1, "the released code's changes are plain to see"


def test_extend_it(place):
    printed = follow(ROOT / "docs/tutorials/extend-it.md", place)
    assert len(set(ssim(printed["cvpire quality small.png cv.png sd.png"]))) == 2
    assert not np.array_equal(np.load("cv.npy"), np.load("sd.npy"))
    (own,) = (said for call, said in printed.items() if "folder.yaml" in call)
    assert "town-hall-1" in own and "attack_query" in own


def test_protect_photos(place):
    printed = follow(ROOT / "docs/tutorials/protect-photos.md", place)
    quiet, loud = ssim(printed["cvpire quality small.png quiet.jpg loud.jpg"])
    assert loud < quiet - 0.1 and quiet < 1


def test_every_tutorial_is_followed():
    assert {f"test_{page.stem.replace('-', '_')}" for page in TUTORIALS} <= globals().keys()


def small_runs() -> dict[tuple[str, ...], str]:
    """Runs of Snakemake that the pages name, but those of the thesis, each once whatever its number of cores."""
    found = {}
    for command in ALL:
        program, *arguments = command.words
        thesis = command.needs or "config/thesis.yaml" in arguments or command.page.startswith("docs/tutorials")
        if program == "snakemake" and not command.inline and not thesis:
            kept = [word for word in arguments if word not in ("-n", "--cores", "all")]
            found.setdefault(tuple(kept), command.page)
    return found


@pytest.mark.parametrize(
    ("arguments", "page"), [pytest.param(*run, id=" ".join(run[0])) for run in small_runs().items()]
)
def test_runs_can_be_planned(arguments, page, place):
    for command in ALL:
        if command.page == page and command.words[:2] == ("cvpire", "ground-truth") and not command.inline:
            cvpire(command.words[1:])
    assert re.search(r"^total +\d+$", dry_run(place, ("--cores", "1", *arguments)), flags=re.MULTILINE)
