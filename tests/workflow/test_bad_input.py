"""Bad input ends in one clear message and a non-zero exit; nothing half-written stays, nothing finished is lost."""

import contextlib
import json
import os
import pickle
import signal
import time

import numpy as np
import psutil
import pytest
from cvpire.tables.collection import read_results
from PIL import Image

from tests.workflow.conftest import QUERIES, make_photo

# One process for these tests: they share a finished run of the workflow.
pytestmark = pytest.mark.xdist_group("bad-input")


def fails(project, *messages: str, arguments: tuple[str, ...] = ("--dry-run", "all")) -> str:
    """Run, and return the output of the failure after checking that it says what it should."""
    done = project.snakemake(*arguments)
    text = done.output
    assert done.returncode != 0, text
    assert "Traceback" not in text
    for message in messages:
        assert message in text
    return text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["variance"]["cv"].update(kernel_size=4), "variance.cv.kernel_size: must be odd"),
        (lambda c: c["variance"]["cv"].update(sigma=-1), "variance.cv.sigma: must be greater than 0"),
        (lambda c: c["attacks"]["cv-pire"].update(iterations=0), "attacks.cv-pire.iterations"),
        (lambda c: c["attacks"]["cv-pire"].update(network="resnet"), "unknown name 'resnet'"),
        (lambda c: c["networks"]["lite0"].update(architecture="lenet"), "networks.lite0.architecture"),
        (lambda c: c["attacks"]["cv-pire"].update(thershold=3), "attacks.cv-pire.thershold: unknown key"),
        (lambda c: c["datasets"]["tiny"].update(folder="nowhere"), "nowhere"),
        (lambda c: c["datasets"]["tiny"].update(ground_truth="nothing.json"), "nothing.json"),
    ],
)
def test_configuration(fresh, change, message):
    fresh.configure(change)
    fails(fresh, message)
    assert not (fresh.folder / "results").exists()


def test_missing_weights(fresh):
    fresh.configure(lambda c: c["networks"]["lite0"].update(weights="weights/none.pth"))
    fails(fresh, "weights/none.pth")


def test_empty_folder(fresh):
    for photo in (fresh.folder / "photos").iterdir():
        photo.unlink()
    fails(fresh, "photos")


def test_two_photos_with_one_stem(fresh):
    make_photo(0, 0).save(fresh.folder / "photos" / "sea-1.png")
    fails(fresh, "sea-1.png", "sea-1.jpg")


def test_ground_truth_names_an_unknown_photo(fresh):
    truth = {"queries": {QUERIES[0]: {"relevant": ["büro 2", "atlantis"]}}}
    (fresh.folder / "truth.json").write_text(json.dumps(truth))
    fails(fresh, "atlantis", "missing: drop")
    fresh.configure(lambda c: c["datasets"]["tiny"].update(missing="drop"))
    assert fresh.planned()["prepare_query"] == 1
    # What is left out is said in the terminal, before anything runs.
    text = fresh.snakemake("--dry-run", "all").output
    assert text.count("datasets.tiny: dropped 1 photo that the folder lacks (1 of 2 relevant: atlantis).") == 1


class _Malicious:
    def __reduce__(self):
        return os.system, ("touch executed",)


def test_ground_truth_is_a_malicious_pickle(fresh):
    (fresh.folder / "truth.pkl").write_bytes(pickle.dumps({"imlist": _Malicious()}))
    fresh.configure(lambda c: c["datasets"]["tiny"].update(ground_truth="truth.pkl"))
    fails(fresh, "truth.pkl")
    assert not (fresh.folder / "executed").exists()


@pytest.fixture(params=["truncated", "text"])
def broken_photo(request, project):
    """A finished project, one of whose queries is broken now."""
    path = project.folder / "photos" / f"{QUERIES[0]}.jpg"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if request.param == "truncated" else b"no photo")
    return project


def test_broken_photo_is_named_and_the_others_go_on(broken_photo):
    broken_photo.configure(lambda c: c["variance"]["cv"].update(sigma=2.0))
    fails(broken_photo, f"{QUERIES[0]}.jpg", "photo", arguments=("all",))
    results = broken_photo.folder / "results" / "tiny"
    assert not (results / "original" / f"{QUERIES[0]}.png").exists()
    assert not list(results.rglob(".partial-*"))
    # The other query went all the way to its measured quality.
    assert (results / "cv-pire/quality" / f"{QUERIES[1]}.csv").exists()
    planned = broken_photo.planned()
    assert planned["attack_query"] == 2  # of the broken photo, for both attacks; the other's are done


def test_photos_of_every_kind_are_used(fresh):
    """Grey, RGBA, 16-bit, CMYK and EXIF-rotated photos, and one smaller than the kernel, go through the workflow."""
    folder = fresh.folder / "photos"
    photo = make_photo(5, 1)
    for name in ("büro 2", "büro 3", "sea-1", "sea-2", "tree-2"):
        (folder / f"{name}.jpg").unlink()
    photo.convert("L").save(folder / "büro 2.png")
    photo.convert("RGBA").save(folder / "büro 3.png")
    Image.fromarray(np.asarray(photo.convert("L")).astype("uint16") * 257).save(folder / "sea-1.png")
    photo.convert("CMYK").save(folder / "sea-2.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8825] = {1: "N", 2: (51.0, 45.0, 7.0)}
    photo.save(folder / "tree-2.jpg", exif=exif)
    truth = {
        "queries": {
            "tree-2": {"relevant": ["tree-1", "tree-3"]},
            "sea-2": {"relevant": ["sea-1"]},
            "büro 2": {"relevant": ["büro 1"]},
        }
    }
    (folder.parent / "truth.json").write_text(json.dumps(truth))
    fresh.configure(lambda c: c["attacks"].pop("sd-pire"))
    done = fresh.snakemake("queries", "results/tables/queries.csv")
    assert done.returncode == 0, done.output
    with Image.open(fresh.folder / "results/tiny/cv-pire/queries/m50_T2/tree-2.jpg") as image:
        assert image.size == (48, 64)  # upright
        assert not image.getexif()


def test_odd_names_and_numbers_go_through(fresh):
    """Photos that look like options, patterns or nothing; a multiplier of many digits; texts that look like numbers."""
    names = {"büro 1": "NA", "büro 2": "-k", "sea-1": "I <3 sea", "sea-2": "{", "tree-1": "null", "tree-2": "$HOME `x`"}
    for photo in (fresh.folder / "photos").iterdir():
        photo.rename(fresh.folder / f"{names.get(photo.stem, photo.stem)}.jpg")
    queries = {"NA": ["-k", "büro 3"], "-k": ["NA"], "null": ["$HOME `x`"], "$HOME `x`": ["null"], "{": ["I <3 sea"]}
    truth = {"queries": {query: {"relevant": relevant} for query, relevant in queries.items()}}
    (fresh.folder / "truth.json").write_text(json.dumps(truth))

    def change(config):
        del config["datasets"]["tiny"]["folder"]
        del config["attacks"]["sd-pire"]
        config["attacks"]["cv-pire"].update(iterations=1, other_iterations=[], label="CV {new}")

    fresh.configure(change)
    given = ("--config", "folder=.", "set=attacks.cv-pire.multiplier=42.857142", "set=seed=3")
    done = fresh.snakemake("results/tables/queries.csv", "results/provenance.json", *given)
    assert done.returncode == 0, done.output
    table = read_results(fresh.folder / "results/tables/queries.csv")
    assert set(table["query"]) == set(queries)
    assert table["multiplier"].dropna().unique().tolist() == [20.0, 42.857142]
    assert set(table["label"]) == {"Original", "CV {new}"}
    saved = fresh.folder / "results/tiny/cv-pire/queries"
    assert {path.name for path in (saved / "m42.857142_T1").iterdir()} == {f"{query}.jpg" for query in queries}
    record = json.loads((fresh.folder / "results/provenance.json").read_text())
    assert record["seeds"]["seed"] == 3


def test_names_that_are_patterns_to_snakemake(fresh):
    folder = fresh.folder / "photos"
    (folder / "sea-1.jpg").rename(folder / "a{b}c.jpg")
    (folder / "sea-2.jpg").rename(folder / "x<temp>.jpg")
    text = fails(fresh, "rename these files or folders: ", "\n  photos/a{b}c.jpg\n  photos/x<temp>.jpg")
    assert "WildcardError" not in text
    assert not (fresh.folder / "results").exists()


@pytest.mark.parametrize("folder", ["2024", "2024_05", "007"])
def test_folder_that_looks_like_a_number(fresh, folder):
    (fresh.folder / "photos").rename(fresh.folder / folder)
    fresh.configure(lambda c: c["datasets"]["tiny"].pop("folder"))
    assert fresh.planned("--config", f"folder={folder}")["prepare_query"] == len(QUERIES)
    (fresh.folder / folder).rename(fresh.folder / "photos")
    fails(fresh, f"{folder}: no such folder of photos", arguments=("--dry-run", "all", "--config", f"folder={folder}"))


def test_one_option_on_the_command_line(fresh):
    """Snakemake refuses a name with dots; README and docs name the forms that work."""
    plain = fresh.planned()
    for form in ("set=attacks.cv-pire.other_multipliers=[20, 30]", "attacks={cv-pire: {other_multipliers: [20, 30]}}"):
        done = fresh.snakemake("--dry-run", "queries", "--config", form)
        assert done.returncode == 0 and "m30_T2" in done.output
        assert fresh.planned("--config", form) == plain
    wrong = ("--dry-run", "all", "--config", "set=attacks.cvpire.multiplier=30")
    fails(fresh, "no 'cvpire' there; section attacks has cv-pire, sd-pire", arguments=wrong)


def test_photo_too_small_for_ssim(project):
    project.configure(lambda c: c.update(quality={"window": 51}))
    target = f"results/tiny/sd-pire/quality/{QUERIES[1]}.csv"
    fails(project, f"{QUERIES[1]}.jpg", "smaller than SSIM's window of 51", arguments=(target,))


def test_photo_too_small_for_the_network(project):
    make_photo(5, 3).resize((6, 5)).save(project.folder / "photos" / "sea-1.jpg")
    fails(project, "sea-1.jpg: a photo of 6 x 5 is too small", arguments=("results/tiny/original/retrieval/lite0.csv",))


def test_kill_in_the_middle(finished, fresh):
    """A run whose job is killed by SIGKILL reports it; the next run ends in the bytes of an undisturbed one."""
    running = fresh.start("all")
    deadline = time.monotonic() + 120
    while not (victims := _children(running.pid, "cvpire attack")):
        assert running.poll() is None and time.monotonic() < deadline, "no attack was started"
        time.sleep(0.05)
    os.kill(victims[0], signal.SIGKILL)
    output, _ = running.communicate(timeout=300)
    assert running.returncode != 0, output
    assert not list((fresh.folder / "results").rglob(".partial-*.npz"))

    done = fresh.snakemake("all")
    assert done.returncode == 0, done.output
    patterns = ("**/*.csv", "**/*.jpg", "**/*.npy", "figures/*")
    assert fresh.results(*patterns) == finished.results(*patterns)


def _children(pid: int, command: str) -> list[int]:
    """Python descendants of a process whose command line holds some words."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end while we look
            words = child.cmdline()
            if words and "python" in words[0] and command in " ".join(words):
                found.append(child.pid)
    return found
