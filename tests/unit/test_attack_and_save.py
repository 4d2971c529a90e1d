"""An attack that saves its queries itself: the same files as from perturbations on the disk, without those."""

from pathlib import Path

import numpy as np
import pytest
from cvpire.attack import loop
from cvpire.config import SavingOptions
from cvpire.networks import network
from cvpire.perturbations import read_perturbations
from PIL import Image
from skimage.data import astronaut

from tests.unit.test_commands import content, cvpire, refused

ATTACK = ("--multiplier", 50, "--other-multipliers", 10, "--iterations", 2, "--other-iterations", 1, "--device", "cpu")
VARIANTS = ("m10_T1", "m10_T2", "m50_T1", "m50_T2")
SIDE = 160


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A photo, its map, and the perturbations that a real attack found."""
    folder = tmp_path_factory.mktemp("attacked")
    Image.fromarray(astronaut()).resize((SIDE, SIDE)).save(folder / "photo.png")
    cvpire("variance", folder / "photo.png", folder / "map.npy")
    found = {}
    for space in ("pixel", "normalised"):
        cvpire("attack", *inputs(folder), folder / f"{space}.npz", *ATTACK, "--bound-space", space)
        found[space] = read_perturbations(folder / f"{space}.npz", (SIDE, SIDE))
    return folder, found


def inputs(folder: Path) -> tuple[Path, Path]:
    return folder / "photo.png", folder / "map.npy"


def queries(folder: Path, suffix: str) -> list[Path]:
    return [folder / variant / f"photo{suffix}" for variant in VARIANTS]


def values(name: str) -> tuple[str, ...]:
    """Each value that an option of saving can have."""
    return SavingOptions.model_fields[name].annotation.__args__


@pytest.mark.parametrize("format", values("format"))
@pytest.mark.parametrize("range", values("range"))
@pytest.mark.parametrize("rounding", values("rounding"))
@pytest.mark.parametrize("enlargement", values("enlargement"))
def test_queries_are_those_saved_from_perturbations(
    attacked, tmp_path, monkeypatch, enlargement, rounding, range, format
):
    folder, found = attacked
    monkeypatch.setattr(network, "load_network", lambda *_: None)
    suffix = {"jpeg": ".jpg", "png": ".png"}[format]
    saving = ("--enlargement", enlargement, "--rounding", rounding, "--range", range, "--format", format)
    for space, perturbations in found.items():
        monkeypatch.setattr(loop, "attack_photo", lambda *_, found=perturbations, **__: found)
        at_once, later = (queries(tmp_path / space / way, suffix) for way in ("at once", "later"))
        cvpire("attack", *inputs(folder), *at_once, *ATTACK, "--bound-space", space, *saving)
        cvpire("save", folder / "photo.png", folder / f"{space}.npz", *later, *saving)
        assert [file.read_bytes() for file in at_once] == [file.read_bytes() for file in later]
        assert len({file.read_bytes() for file in at_once}) == len(VARIANTS)


@pytest.mark.parametrize("option", [("--quality", 30), ("--subsampling", "4:4:4"), ("--preset", "released")])
def test_other_options_of_saving_count_too(attacked, tmp_path, monkeypatch, option):
    folder, found = attacked
    monkeypatch.setattr(loop, "attack_photo", lambda *_, **__: found["pixel"])
    cvpire("attack", *inputs(folder), tmp_path / "plain.jpg", *ATTACK)
    cvpire("attack", *inputs(folder), tmp_path / "other.jpg", *ATTACK, *option)
    cvpire("save", folder / "photo.png", folder / "pixel.npz", tmp_path / "m50_T2" / "saved.jpg", *option)
    plain, other, saved = (tmp_path / name for name in ("plain.jpg", "other.jpg", "m50_T2/saved.jpg"))
    assert plain.read_bytes() != other.read_bytes() == saved.read_bytes()


def test_a_real_attack_leaves_a_tenth_of_its_perturbations_and_nothing_else(attacked, tmp_path):
    """And the same bytes every time."""
    folder, found = attacked
    files = queries(tmp_path, ".jpg")
    cvpire("attack", *inputs(folder), *files, *ATTACK)
    written = content(tmp_path)
    assert sorted(written) == [f"{variant}/photo.jpg" for variant in VARIANTS]
    assert sum(map(len, written.values())) < found["pixel"].values.nbytes / 10
    cvpire("attack", *inputs(folder), *files, tmp_path / "photo.npz", *ATTACK)
    assert (tmp_path / "photo.npz").read_bytes() == (folder / "pixel.npz").read_bytes()
    assert {name: data for name, data in content(tmp_path).items() if name in written} == written


def test_a_query_in_no_such_folder_is_that_of_the_attack_s_own_numbers(attacked, tmp_path, monkeypatch):
    folder, found = attacked
    monkeypatch.setattr(loop, "attack_photo", lambda *_, **__: found["pixel"])
    cvpire("attack", *inputs(folder), tmp_path / "changed.png", tmp_path / "m50_T2" / "photo.png", *ATTACK)
    assert (tmp_path / "changed.png").read_bytes() == (tmp_path / "m50_T2" / "photo.png").read_bytes()


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("m30_T2/a.jpg", (), "multiplier 30 is not there: one of 10, 50"),
        ("m50_T3/a.jpg", (), "iteration 3 is not there: one of 1, 2"),
        ("a.jpg", ("--format", "png"), "a.jpg: a file of this name is jpeg, but --format is png"),
        ("a.webp", (), "a.webp: a perturbation or a query of `cvpire attack` is written as .npz or .jpg"),
        ("photo.png", (), "photo.png: is one of the inputs"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_the_attack(attacked, monkeypatch, output, options, message):
    folder, _ = attacked
    monkeypatch.setattr(loop, "attack_photo", lambda *_, **__: pytest.fail("it has attacked"))
    monkeypatch.chdir(folder)
    assert message in refused(folder, "attack", "photo.png", "map.npy", "first.npz", output, *ATTACK, *options)


@pytest.mark.parametrize("fault", ["truncated photo", "another photo's map"])
def test_bad_input_of_an_attack_that_saves_leaves_nothing(attacked, tmp_path, monkeypatch, fault):
    folder, _ = attacked
    monkeypatch.chdir(tmp_path)
    photo, bound = (path.read_bytes() for path in inputs(folder))
    Path("photo.png").write_bytes(photo[:5000] if fault == "truncated photo" else photo)
    Path("map.npy").write_bytes(bound)
    if fault == "another photo's map":
        np.save("map.npy", np.ones((SIDE, SIDE + 1), np.float32))
    message = refused(tmp_path, "attack", "photo.png", "map.npy", "m50_T2/a.jpg", *ATTACK)
    assert message.startswith("photo.png: " if fault == "truncated photo" else "map.npy: ") and "\n" not in message
