"""`cvpire attack` on several networks, towards a target, and with samples: what the library gives, and bad input."""

from pathlib import Path

import numpy as np
import pytest
from cvpire.attack import loop
from cvpire.attack.loop import attack_photo
from cvpire.attack.members import Member
from cvpire.config import AttackOptions, NetworkOptions, SavingOptions
from cvpire.errors import InputError
from cvpire.networks.network import load_network
from cvpire.perturbations import read_perturbations
from cvpire.photos import load_photo
from cvpire.retrieval.learnt import read_learnt
from PIL import Image
from skimage.data import astronaut

from tests.unit.test_commands import cvpire, refused

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 64
SAMPLED = ("{kind: crop, range: [0.05, 0.3], share: 0.5}", "{kind: jpeg, range: [45, 95]}")
CENTRED = "{learnt: centre, learnt_file: learnt.npz, weight: 2}"
THIN = "{architecture: efficientnet-lite1}"
QUICK = ("--device", "cpu", "--multiplier", 40, "--iterations", 2, "--learning-rate", 0.03)
ROBUST = (*QUICK, "--through", "saving", "--chroma", 0, "--samples", 2, *(w for s in SAMPLED for w in ("--sampled", s)))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A photo, its map, another photo, and what a network has learnt from a database of both."""
    folder = tmp_path_factory.mktemp("together")
    picture = Image.fromarray(astronaut())
    picture.resize((SIDE, SIDE)).save(folder / "photo.png")
    picture.crop((100, 0, 400, 200)).resize((90, 60)).save(folder / "other.png")
    cvpire("variance", folder / "photo.png", folder / "map.npy")
    for name in ("photo", "other"):
        cvpire("describe", folder / f"{name}.npy", folder / f"{name}.png", "--device", "cpu")
    shards = [word for name in ("photo", "other") for word in ("--descriptors", folder / f"{name}.npy")]
    for kind, name in (("centre", "learnt"), ("nothing", "nothing")):
        cvpire("learn", folder / f"{name}.npz", *shards, "--learnt", kind)
    return folder


@pytest.fixture
def folder(prepared, monkeypatch) -> Path:
    monkeypatch.chdir(prepared)
    return prepared


def expected(folder, members, goal=None, **options):
    """What the library gives."""
    pixels = np.array(Image.open("photo.png"))
    method = AttackOptions(multiplier=40, iterations=2, learning_rate=0.03, **options)
    return attack_photo(pixels, np.load("map.npy"), members, method, name="mine", seed=3, photo="photo", goal=goal)


def made(tmp_path, *options):
    cvpire("attack", "photo.png", "map.npy", tmp_path / "v.npz", *options, "--attack", "mine", "--seed", 3)
    return read_perturbations(tmp_path / "v.npz", (SIDE, SIDE))


def network(**options):
    return load_network(NetworkOptions(**options), "cpu")


def test_members_that_see_samples_of_the_saved_photo_are_attacked_as_by_the_library(folder, tmp_path):
    saving = ("--quality", 60, "--enlargement", "none")
    found = made(tmp_path, *ROBUST, "--objective", "similarity", "--member", CENTRED, "--member", THIN, *saving)

    members = [
        Member(network(), 2.0, read_learnt(Path("learnt.npz"), "centre")),
        Member(network(architecture="efficientnet-lite1")),
    ]
    options = {"through": ["saving"], "chroma": 0, "samples": 2, "sampled": list(SAMPLED), "objective": "similarity"}
    options["saving"] = SavingOptions(quality=60, enlargement="none")
    np.testing.assert_array_equal(found.values, expected(folder, members, **options).values)
    options["saving"] = SavingOptions()
    assert not np.array_equal(found.values, expected(folder, members, **options).values), "saving counts"
    assert found.unit == (1, 1, 1)


def test_a_target_is_read_as_large_as_the_photo_and_attacked_as_by_the_library(folder, tmp_path):
    found = made(tmp_path, *QUICK, "--objective", "target", "--target", "other.png")

    goal = load_photo("other.png", longest_side=SIDE)
    by_library = expected(folder, [Member(network())], goal, objective="target", target="other.png")
    np.testing.assert_array_equal(found.values, by_library.values)


def test_one_member_is_a_network_named_by_its_options(folder, tmp_path):
    named = made(tmp_path, *QUICK, "--architecture", "efficientnet-lite1")

    np.testing.assert_array_equal(made(tmp_path, *QUICK, "--member", THIN).values, named.values)


def test_what_learns_nothing_knows_the_similarity_of_unrelated_photos(folder, tmp_path):
    found = made(tmp_path, *QUICK, "--objective", "similarity", "--member", "{learnt_file: nothing.npz}")

    member = Member(network(), 1.0, read_learnt(Path("nothing.npz"), "nothing"))
    assert member.learnt.mean is None and 0 < member.learnt.unrelated < 1
    np.testing.assert_array_equal(found.values, expected(folder, [member], objective="similarity").values)


@pytest.mark.parametrize(("file", "format"), [("query.png", "png"), ("query.jpg", "jpeg")])
def test_the_networks_see_the_format_of_the_file_that_is_asked_for(folder, tmp_path, monkeypatch, file, format):
    seen = []

    def attacked(pixels, bound, networks, method, **names):
        seen.append(method.saving)
        return attack_photo(pixels, bound, networks, method, **names)

    monkeypatch.setattr(loop, "attack_photo", attacked)
    cvpire("attack", "photo.png", "map.npy", tmp_path / file, *QUICK, "--through", "saving", "--quality", 40)

    assert [(saving.format, saving.quality) for saving in seen] == [(format, 40)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--member", "{learnt: centre}"),
            "member efficientnet-lite0: learns something from its database; `cvpire learn` makes the file, "
            "give it as learnt_file",
        ),
        (
            ("--member", "{learnt: centre, learnt_file: none.npz}"),
            "none.npz: not what `centre` learns (",
        ),
        (
            ("--member", "{learnt: whiten, learnt_file: learnt.npz}"),
            "learnt.npz: not what `whiten` learns (",
        ),
        (
            ("--member", "{architecture: resnet50-thin, learnt: centre, learnt_file: learnt.npz}"),
            "photo.png: descriptors of 1024 values, and what was learnt is for 1280; was it learnt from another",
        ),
        (("--member", THIN, "--architecture", "resnet101"), "--member, --architecture: give what is said of a network"),
        (
            ("--member", THIN, "--member", "{}", "--bound-space", "normalised"),
            "--bound-space: several networks do not share a normalised space",
        ),
        (("--samples", 2), "command line: samples, sampled: versions beyond the first need transformations"),
        (("--samples", 2, "--sampled", "{kind: crop}"), "command line: sampled.0.range: is missing"),
        (("--samples", 2, "--sampled", "crop"), "command line: sampled.0: must be keys with values (given: 'crop')"),
        (("--objective", "target"), "command line: objective, target: the objective `target` and a photo go together"),
        (("--objective", "target", "--target", "none.png"), "none.png: "),
        (("--target", "other.png"), "command line: objective, target: the objective `target` and a photo go together"),
        (("--momentum", 0.5), "command line: momentum: of optimiser sign only, and it is adam"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_bad_input_of_a_robust_attack_is_refused(folder, options, message):
    assert refused(folder, "attack", "photo.png", "map.npy", "v.npz", *QUICK, *options).startswith(message)


def test_a_transformation_that_nothing_samples_is_named(folder):
    with pytest.raises(InputError, match=r"sampled\.0\.kind: must be 'crop', 'resize', .* \(given: 'median'\)"):
        cvpire("attack", "photo.png", "map.npy", "v.npz", "--samples", 2, "--sampled", "{kind: median, range: [3, 5]}")
