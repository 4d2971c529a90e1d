"""The command line: what is written where, and what is refused before any work."""

import inspect
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from cvpire.cli import app
from cvpire.errors import InputError
from cvpire.perturbations import Perturbations, write_perturbations
from PIL import Image
from typer.testing import CliRunner

HEIGHT, WIDTH = 80, 96


def cvpire(*arguments):
    """Call a command; returns what it prints. Bad input is an `InputError`."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder: Path, *arguments) -> str:
    """Call a command that must be refused, before it writes anything; returns the message."""
    before = content(folder)
    with pytest.raises(InputError) as caught:
        cvpire(*arguments)
    assert content(folder) == before
    return str(caught.value)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A photo, its map, a perturbation of it, and a camera's photo."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    exif = Image.Exif()
    exif[0x0110] = "A camera"
    Image.fromarray(pixels).save("holiday.jpg", exif=exif)
    Image.fromarray(pixels).save("holiday.png", exif=exif)
    np.save("map.npy", rng.random((HEIGHT, WIDTH), np.float32))
    values = rng.uniform(-0.1, 0.1, (1, 1, 3, HEIGHT, WIDTH)).astype(np.float32)
    write_perturbations("v.npz", Perturbations(values, (50.0,), (1,), (1.0, 1.0, 1.0)))
    Path("notes.txt").write_text("Do not lose this.\n")
    return tmp_path


# --- The file that is named is the file that is written ---------------------------------------------------------------

QUICK = ("--iterations", 1, "--device", "cpu")
BLOCKS = ("--architecture", "efficientnet-lite0", "--device", "cpu")


def test_a_perturbation_needs_no_suffix(folder):
    cvpire("attack", "photo.png", "map.npy", "pert", *QUICK)

    assert sorted(content(folder).keys() - {"pert"}) == [
        "holiday.jpg",
        "holiday.png",
        "map.npy",
        "notes.txt",
        "photo.png",
        "v.npz",
    ]
    cvpire("save", "photo.png", "pert", "saved.png")
    assert Image.open("saved.png").size == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("describe desc photo.png", "desc: a descriptor shard .* is written as .npy or .npz; name it desc.npy"),
        ("describe shard.1 photo.png", "shard.1: .* name it shard.npy"),
        ("describe names.txt photo.png", "names.txt: .* is written as .npy"),
        ("prepare photo.png out.jpg", "out.jpg: a photo of `cvpire prepare` is written as .png; name it out.png"),
        ("variance photo.png map.tif", "map.tif: a variance map is written as .npy or .png"),
        ("variance photo.png map", "map: a variance map is written as .npy or .png"),
        ("attack photo.png map.npy pert.npy", "pert.npy: a perturbation .* is written as .npz"),
        ("save photo.png v.npz out.webp", "out.webp: .* is written as .jpg or .jpeg or .png"),
        ("save photo.png v.npz out", "out: .* is written as .jpg or .jpeg or .png"),
        ("quality photo.png photo.png --csv table.json", "table.json: a table .* is written as .csv"),
        ("ground-truth . truth.yaml", "truth.yaml: .* is written as .json"),
        ("overview page.pdf", "page.pdf: .* is written as .html"),
        ("reproduction page.html", "page.html: give the name without its suffix; .html, .md are added"),
        (
            "table 4.1 table.csv",
            "table.csv: give the name without its suffix; .csv, .md, .tex, .svg, .png, .pdf are added",
        ),
        ("figure 4.6 figure.png", "figure.png: give the name without its suffix"),
    ],
)
def test_a_suffix_of_something_else_is_refused(folder, arguments, message):
    assert re.match(message, refused(folder, *arguments.split()))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "is a folder; name a file in it"),
        ("notes.txt/v.npz", "cannot be written (Not a directory)"),
        (f"{'long' * 70}.npz", "cannot be written (File name too long)"),
        ("pipe.npz", "is neither a file nor free"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_known_before_an_attack(folder, name, message):
    os.mkfifo("pipe.npz")
    Path("folder.npz").mkdir()
    with pytest.raises(InputError) as caught:
        cvpire("attack", "photo.png", "map.npy", "folder.npz" if name == "." else name, "--iterations", 10**6)
    assert message in str(caught.value)


def test_a_folder_where_nothing_may_be_written_is_known_before_an_attack(folder, monkeypatch):
    Path("closed").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed")
    with pytest.raises(PermissionError) as caught:  # which the command line tells in one line, see test_files
        cvpire("attack", "photo.png", "map.npy", "closed/new/v.npz", "--iterations", 10**6)
    assert caught.value.filename == "closed/new/v.npz"
    assert list(Path("closed").iterdir()) == []


# --- Inputs and files of others ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ("save photo.png v.npz photo.png", "photo.png"),
        ("save photo.png v.npz out.jpg ./photo.png", "photo.png"),
        ("save photo.png v.npz v.npz", "v.npz"),
        ("save photo.png v.npz link.png", "link.png"),
        ("prepare photo.png photo.png", "photo.png"),
        ("prepare holiday.jpg holiday.jpg", "holiday.jpg"),
        ("variance photo.png photo.png", "photo.png"),
        ("attack photo.png map.npy map.npy", "map.npy"),
        ("quality photo.png holiday.png --csv holiday.png", "holiday.png"),
        ("describe map.npy map.npy", "map.npy"),
        ("describe shard.npy photo.png --dataset shard.txt", "shard.txt"),
        ("collect-random random.csv random.csv", "random.csv"),
        ("provenance run.json config.json table.csv --dataset a=run.json", "run.json"),
        ("dataset truth.json --kind folder --folder . --ground-truth truth.json", "truth.json"),
        ("attack photo.png map.npy net.npz --weights net.npz --architecture resnet18", "net.npz"),
    ],
)
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_no_input_is_written_over(folder, arguments, output, force):
    Path("link.png").symlink_to("photo.png")
    for name in ("random.csv", "run.json", "truth.json", "config.json", "table.csv", "net.npz", "shard.txt"):
        Path(name).touch()

    assert refused(folder, *arguments.split(), *force) == f"{output}: is one of the inputs; name another file to write"


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ("prepare photo.png holiday.png", "holiday.png"),
        ("variance photo.png photo-2.png", "photo-2.png"),
        ("variance photo.png text.npy", "text.npy"),
        ("variance photo.png names.npy", "names.npy"),
        ("variance photo.png shard.npy", "shard.npy"),
        ("attack photo.png map.npy archive.npz", "archive.npz"),
        ("attack photo.png map.npy cut.npz", "cut.npz"),
        ("attack photo.png map.npy notes", "notes"),
        ("save photo.png v.npz holiday.jpg", "holiday.jpg"),
        ("save photo.png v.npz holiday.png", "holiday.png"),
        ("save photo.png v.npz grey.png", "grey.png"),
        ("save photo.png v.npz new.jpg text.jpg", "text.jpg"),
        ("quality photo.png photo.png --csv bank.csv", "bank.csv"),
        ("quality photo.png photo.png --csv photo.csv", "photo.csv"),
        ("describe notes.npy photo.png", "notes.txt"),
        ("describe map.npy photo.png", "map.npy"),
        ("dataset truth.json --kind demo --part a --folder .", "truth.json"),
        ("ground-truth . truth.json", "truth.json"),
        ("schema truth.json", "truth.json"),
        ("overview page.html", "page.html"),
        ("reproduction page", "page.html"),
        ("figure 2.14 report", "report.pdf"),
        ("table 4.1 thesis", "thesis.tex"),
        ("random-map gnd.pkl --out thesis", "thesis.tex"),
    ],
)
def test_files_of_others_are_replaced_only_by_force(folder, arguments, file):
    shutil.copy("photo.png", "photo-2.png")
    shutil.copy("photo.png", "photo.csv")
    Image.new("L", (WIDTH, HEIGHT)).save("grey.png")
    np.save("names.npy", np.array([[1, 2]]))
    np.save("shard.npy", np.ones((2, 3), np.float32))
    Path("shard.txt").write_text("a\nb\n")
    np.savez("archive.npz", mine=np.zeros(3))
    Path("cut.npz").write_bytes(Path("v.npz").read_bytes()[:-50])
    Path("bank.csv").write_text("date,amount\n2020-01-01,5\n")
    Path("truth.json").write_text('{"queries": {"a": {"relevant": ["b"]}}}')
    for name in ("text.npy", "text.jpg", "notes", "page.html", "report.pdf", "thesis.tex", "gnd.pkl"):
        Path(name).write_text("mine")

    message = refused(folder, *arguments.split())

    assert message.startswith(f"{file}: is there and is not ")
    assert message.endswith("; name another file, or replace it with --force")


def test_force_replaces_files_of_others(folder):
    cvpire("save", "photo.png", "v.npz", "holiday.jpg", "--force")
    assert not Image.open("holiday.jpg").getexif()

    Path("towers").mkdir()
    for number in (1, 2):
        shutil.copy("holiday.png", f"towers/tower-{number}.png")
    Path("truth.json").write_text("{}")
    cvpire("ground-truth", "towers", "truth.json", "--force")
    assert "tower-1" in json.loads(Path("truth.json").read_text())["queries"]
    cvpire("variance", "photo.png", "notes.npy")
    cvpire("describe", "notes.npy", "photo.png", *BLOCKS, "--force")
    assert Path("notes.txt").read_text() == "photo\n"


def test_a_commands_own_output_is_written_again_without_a_word(folder):
    Path("empty.npz").touch()
    Path("holiday.png").unlink()
    Path("hand.json").write_text('{"queries": {"photo": {"relevant": ["holiday"]}}}')
    for arguments in (
        "dataset listing.json --kind folder --folder . --ground-truth hand.json",
        "prepare photo.png prepared.png",
        "variance photo.png own.npy",
        "variance photo.png own.png",
        "attack photo.png own.npy own.npz --iterations 1 --device cpu",
        "attack photo.png own.npy empty.npz --iterations 1 --device cpu",
        "save photo.png own.npz m50_T1/a.jpg m50_T1/a.png",
        "quality photo.png m50_T1/a.jpg --csv own.csv",
        "describe shard.npy photo.png --device cpu",
        "schema schema.json",
        "figure 2.14 figure",
    ):
        cvpire(*arguments.split())
        first = content(folder)
        cvpire(*arguments.split())
        assert content(folder).keys() == first.keys()


def test_two_outputs_of_one_name(folder):
    message = refused(folder, "save", "photo.png", "v.npz", "a.png", "./a.png")
    assert message == "a.png: two outputs have this name; give each its own"
    message = refused(folder, "audit", "--photos", ".", "--published", ".", "--out", "audit.csv", "--summary", "audit")
    assert message == "audit.csv: two outputs have this name; give each its own"


WRITE_NO_FILE = {"estimate", "compare"}
KEEP_WHAT_IS_THERE = {"fetch", "unpack", "unpack-published"}
"""They compare what is there with what they would write, and replace nothing."""
NAMED_BY_US = {"demo-photos", "logo-photos", "calibrate"}
"""Into a folder, or below results/, under names of ours."""


def test_every_command_that_writes_checks_what_is_there():
    checked = set()
    for command in app.registered_commands:
        name = command.name or command.callback.__name__.replace("_", "-")
        if "force" in inspect.signature(command.callback).parameters:
            checked.add(name)
    every = {command.name or command.callback.__name__.replace("_", "-") for command in app.registered_commands}

    assert every - checked == WRITE_NO_FILE | KEEP_WHAT_IS_THERE | NAMED_BY_US


# --- Formats of saved photos ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "format"), [("a.jpg", "JPEG"), ("a.JPEG", "JPEG"), ("a.png", "PNG")])
def test_the_suffix_of_a_saved_photo_decides_its_format(folder, name, format):
    cvpire("save", "photo.png", "v.npz", name)

    with Image.open(name) as image:
        assert image.format == format


def test_a_suffix_that_contradicts_the_format_is_refused(folder):
    message = refused(folder, "save", "photo.png", "v.npz", "a.jpg", "a.png", "--format", "jpeg")
    assert message == "a.png: a file of this name is png, but --format is jpeg; change one of them"


def test_a_saved_photo_may_be_stretched(folder):
    cvpire("save", "photo.png", "v.npz", "clip.png")
    cvpire("save", "photo.png", "v.npz", "stretch.png", "--range", "stretch")

    clipped, stretched = (np.asarray(Image.open(name)).astype(int) for name in ("clip.png", "stretch.png"))
    assert np.abs(clipped - stretched).max() > 10


def test_nothing_is_saved_where_one_of_several_is_not_there(folder):
    message = refused(folder, "save", "photo.png", "v.npz", "m50_T1/a.png", "m50_T2/a.png")
    assert message == "iteration 2 is not there: one of 1"


# --- Names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twins", [("A/x.jpg", "B/x.jpg"), ("A/x.jpg", "A/x.png"), ("A/x.jpg", "A/x.jpg")])
def test_photos_of_one_name_are_not_described(folder, twins):
    for name in twins:
        Path(name).parent.mkdir(exist_ok=True)
        Image.open("photo.png").save(name)

    message = refused(folder, "describe", "shard.npy", *twins, *BLOCKS)

    assert message.startswith(f"{twins[0]} and {twins[1]} have one name, 'x'; rename one of them, or give --folder")


def test_ground_truths_and_records_of_one_name(folder):
    for name in ("A", "B"):
        Path(name).mkdir()
        Path(name, "gnd.json").write_text('{"queries": {"photo": {"relevant": ["holiday"]}}}')

    assert refused(folder, "random-map", "A/gnd.json", "B/gnd.json").startswith("A/gnd.json and B/gnd.json have one")
    datasets = ["--dataset", "a=A/gnd.json", "--dataset", "a=B/gnd.json"]
    assert "have one name, 'a'" in refused(folder, "provenance", "p.json", "c.json", "t.csv", *datasets)


# --- Quality ----------------------------------------------------------------------------------------------------------


def strict(text: str):
    """Read JSON as everybody but Python does."""

    def fault(word):
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=fault)


def test_quality_of_equal_photos_is_json(folder):
    measured = strict(cvpire("quality", "photo.png", "photo.png"))
    assert (measured["psnr"], measured["mse"], measured["file"]) == (None, 0, "photo.png")

    Image.new("RGB", (WIDTH, HEIGHT)).save("black.png")
    assert strict(cvpire("quality", "black.png", "black.png"))["nrmse"] is None


def test_quality_of_several_photos_names_each(folder):
    for name in ("A", "B"):
        Path(name).mkdir()
        Image.open("photo.png").save(f"{name}/x.png")
    measured = strict(cvpire("quality", "photo.png", "A/x.png", "B/x.png", "holiday.jpg"))
    assert [row["file"] for row in measured] == ["A/x.png", "B/x.png", "holiday.jpg"]

    cvpire("quality", "photo.png", "A/x.png", "B/x.png", "--csv", "table.csv")
    head, *rows = Path("table.csv").read_text().splitlines()
    assert head.startswith("query,file,multiplier,iteration,ssim,")
    assert [row.split(",")[1] for row in rows] == ["A/x.png", "B/x.png"]


# --- Sizes ------------------------------------------------------------------------------------------------------------


def test_a_longest_side_that_is_forgotten_is_named(folder):
    small = ("--longest-side", 48)
    cvpire("variance", "photo.png", "small.npy", *small)
    cvpire("attack", "photo.png", "small.npy", "small.npz", *small, *QUICK)
    cvpire("save", "photo.png", "small.npz", "small.png", *small)
    sizes = "has 48 x 40 pixels, the photo is read with 96 x 80 (width x height): give --longest-side 48 here too"

    for what, arguments in {
        "small.npy: this variance map": ("attack", "photo.png", "small.npy", "new.npz"),
        "small.npz: this perturbation": ("save", "photo.png", "small.npz", "new.png"),
    }.items():
        assert refused(folder, *arguments) == f"{what} does not fit the photo: it {sizes}"
    message = refused(folder, "quality", "photo.png", "small.png")
    assert message.startswith("small.png: photos of different size cannot be compared: 96 x 80 and 48 x 40 ")
    assert message.endswith(": give --longest-side 48 here too")

    # The other way round.
    message = refused(folder, "save", "photo.png", "v.npz", "new.png", *small)
    assert message.endswith("48 x 40 (width x height): leave --longest-side out here, or give 96, as where it was made")


def test_a_perturbation_of_another_photo_is_called_so(folder):
    Image.new("RGB", (30, 30)).save("square.png")

    message = refused(folder, "save", "square.png", "v.npz", "new.png")

    sizes = "it has 96 x 80 pixels, the photo is read with 30 x 30 (width x height)"
    assert message == f"v.npz: this perturbation does not fit the photo: {sizes}: it was made from another photo"
