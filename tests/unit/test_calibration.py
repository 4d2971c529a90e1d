"""The multiplier that a photo needs, that its quality allows, or that takes a dataset to the level of chance."""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from cvpire.attack.bisection import crossing
from cvpire.attack.calibration import calibrate_photo
from cvpire.attack.loop import attack_photo
from cvpire.attack.members import Member
from cvpire.calibration import calibrate, calibrate_dataset
from cvpire.config import AttackOptions, QualityOptions, TableOptions, load_config
from cvpire.errors import InputError
from cvpire.measures import MEASURES
from cvpire.networks.network import as_tensor
from cvpire.plan.attacking import attack_inputs, attack_options
from cvpire.plan.run import Plan
from cvpire.quality.compare import quality
from cvpire.retrieval.learnt import Learnt
from cvpire.saving import adversarial_query, encode
from cvpire.tables.calibration import calibration_table, reading
from PIL import Image
from skimage.data import astronaut

from tests.unit.test_commands import cvpire, refused

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (24, 32)
LARGEST, STEPS = 64.0, 3


class Small(torch.nn.Module):
    """A small smooth network of descriptors."""

    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(self, seed: int):
        super().__init__()
        weight = torch.randn((8, 3, 5, 5), generator=torch.Generator().manual_seed(seed)) / 8
        self.weight = torch.nn.Parameter(weight, requires_grad=False)

    def forward(self, normalised):
        features = torch.nn.functional.softplus(torch.nn.functional.conv2d(normalised, self.weight, stride=2))
        return torch.nn.functional.normalize(features.pow(3).mean(dim=(2, 3)).pow(1 / 3), dim=1)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).integers(40, 215, (*SHAPE, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def bound_map():
    return np.random.default_rng(2).random(SHAPE).astype(np.float32)


def method_of(**options) -> AttackOptions:
    return AttackOptions(**{"multiplier": LARGEST, "iterations": 4, "bisections": STEPS, **options})


def found_for(pixels, bound_map, members, method):
    names = {"name": "robust", "seed": 3, "photo": "tower"}
    return calibrate_photo(pixels, bound_map, members, method, **names, quality_options=QualityOptions())


def saved(pixels, values, method) -> np.ndarray:
    """Pixels of the file that a perturbation makes."""
    return np.array(Image.open(io.BytesIO(adversarial_query(pixels, values, (1, 1, 1), method.saving))))


def attacked_at(pixels, bound_map, members, method, multiplier) -> np.ndarray:
    """What an attack at a multiplier finds for itself."""
    plain = AttackOptions(multiplier=multiplier, iterations=method.iterations)
    found = attack_photo(pixels, bound_map, members, plain, name="robust", seed=3, photo="tower")
    return found.values[0, 0]


def similarity(network, one: np.ndarray, other: np.ndarray) -> float:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (network.mean, network.std))
    first, second = (network(((as_tensor(each) - mean) / std)[None])[0].double() for each in (one, other))
    return float(first @ second)


def by_hand(pixels, bound_map, members, method, value_at) -> dict[float, float]:
    """Values at all multipliers that bisection can reach."""
    multipliers = [LARGEST * part / 2**STEPS for part in range(1, 2**STEPS + 1)]
    largest = attacked_at(pixels, bound_map, members, method, LARGEST)
    found = {}
    for multiplier in multipliers:
        values = (
            attacked_at(pixels, bound_map, members, method, multiplier)
            if method.calibrate_by == "attacks"
            else largest * np.float32(multiplier / LARGEST)
        )
        found[multiplier] = value_at(saved(pixels, values, method)), values
    return found


@pytest.mark.parametrize(
    ("steps", "begins", "expected"),
    [(0, 3.0, (0.0, 8.0)), (1, 3.0, (0.0, 4.0)), (3, 3.0, (2.0, 3.0)), (3, 3.1, (3.0, 4.0)), (3, 8.0, (7.0, 8.0))],
)
def test_bisection_keeps_where_a_condition_begins_between_its_ends(steps, begins, expected):
    assert crossing(0, 8, steps, lambda value: value >= begins) == expected


@pytest.mark.parametrize("way", ["attacks", "scaling"])
def test_the_smallest_multiplier_at_which_the_saved_photo_is_as_unlike_as_an_unrelated_one(pixels, bound_map, way):
    """Of networks by their weights; the perturbation is what an attack at that multiplier finds, or a share of one."""
    networks, weights = [Small(0), Small(7)], [3.0, 1.0]
    method = method_of(calibrate="unrelated", calibrate_by=way)

    def value_at(query):
        values = [weight * similarity(each, query, pixels) for each, weight in zip(networks, weights, strict=True)]
        return sum(values) / sum(weights)

    members = [Member(each, weight, Learnt()) for each, weight in zip(networks, weights, strict=True)]
    values = by_hand(pixels, bound_map, members, method, value_at)
    ordered = sorted(values)
    for place in (0, 2, 3):
        level = (values[ordered[place]][0] + values[ordered[place + 1]][0]) / 2
        assert values[LARGEST][0] <= level
        low, expected = 0.0, LARGEST
        for _ in range(STEPS):
            middle = (low + expected) / 2
            if values[middle][0] <= level:
                expected = middle
            else:
                low = middle
        assert expected == ordered[place + 1]
        # What the networks say of unrelated photos counts by weight as well.
        told = [Learnt(unrelated=level + 0.1), Learnt(unrelated=level - 0.3)]
        members = [Member(*about) for about in zip(networks, weights, told, strict=True)]
        perturbations, calibration = found_for(pixels, bound_map, members, method)
        assert calibration == (expected, pytest.approx(values[expected][0], abs=1e-6), pytest.approx(level), True)
        np.testing.assert_array_equal(perturbations.values[0, 0], values[expected][1])
        assert (perturbations.multipliers, perturbations.checkpoints) == ((LARGEST,), (4,))


def test_a_photo_that_stays_alike_is_saved_at_the_largest_multiplier_and_said_to(pixels, bound_map):
    members = [Member(Small(0), 1.0, Learnt(unrelated=-0.9))]
    perturbations, calibration = found_for(pixels, bound_map, members, method_of(calibrate="unrelated"))
    assert calibration.found_multiplier == LARGEST and not calibration.within_limit
    np.testing.assert_array_equal(
        perturbations.values[0, 0], attacked_at(pixels, bound_map, members, method_of(), LARGEST)
    )


def test_how_alike_unrelated_photos_are_has_to_be_known(pixels, bound_map):
    with pytest.raises(InputError, match="`cvpire learn` makes a file for each network, give it as learnt_file"):
        found_for(pixels, bound_map, [Member(Small(0))], method_of(calibrate="unrelated"))


@pytest.mark.parametrize("way", ["attacks", "scaling"])
@pytest.mark.parametrize("measure", ["psnr", "ciede2000"])
@pytest.mark.parametrize("relative", [False, True])
def test_the_largest_multiplier_that_keeps_a_budget(pixels, bound_map, way, measure, relative):
    """Of a measure that is better high or low, and of its value or what is lost against saving alone."""
    members, sign = [Member(Small(0))], 1 if MEASURES[measure].better == "high" else -1

    def value_at(query):
        return quality(pixels, query, QualityOptions(), [measure])[measure]

    values = by_hand(pixels, bound_map, members, method_of(calibrate_by=way), value_at)
    plain, ordered = value_at(np.array(Image.open(io.BytesIO(encode(pixels))))), sorted(values)
    expected, above = ordered[3], ordered[4]
    limit = (values[expected][0] + values[above][0]) / 2
    budget = {"measure": measure, **({"loss": sign * (plain - limit)} if relative else {"limit": limit})}
    method = method_of(calibrate="quality", budget=budget, calibrate_by=way)
    perturbations, calibration = found_for(pixels, bound_map, members, method)
    assert calibration == (expected, values[expected][0], pytest.approx(limit), True)
    np.testing.assert_array_equal(perturbations.values[0, 0], values[expected][1])


@pytest.mark.parametrize(("limit", "multiplier", "within"), [(-100.0, LARGEST, True), (99.0, LARGEST / 8, False)])
def test_a_budget_that_every_or_no_multiplier_keeps(pixels, bound_map, limit, multiplier, within):
    method = method_of(calibrate="quality", budget={"measure": "psnr", "limit": limit})
    _, calibration = found_for(pixels, bound_map, [Member(Small(0))], method)
    assert (calibration.found_multiplier, calibration.within_limit) == (multiplier, within)


def test_a_photo_that_saving_leaves_as_it_is_has_no_psnr_to_lose_of(pixels, bound_map):
    method = method_of(
        calibrate="quality", budget={"measure": "psnr", "loss": 3}, saving={"format": "png", "enlargement": "none"}
    )
    with pytest.raises(InputError, match=r"budget\.loss: psnr of a photo saved without an attack is inf; .*limit"):
        found_for(pixels, bound_map, [Member(Small(0))], method)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calibrate": "quality"}, "calibrate quality and a budget go together"),
        ({"budget": {"loss": 7}}, "calibrate quality and a budget go together"),
        ({"calibrate": "quality", "budget": {"measure": "psnr"}}, "budget: limit, loss: give one of them"),
        ({"calibrate": "quality", "budget": {"loss": 7, "limit": 50}}, "budget: limit, loss: give one of them"),
        ({"calibrate": "quality", "budget": {"measure": "sharpness", "loss": 1}}, "budget.measure: must be 'ssim', "),
        ({"calibrate": "unrelated", "other_multipliers": [20]}, "finds one multiplier; leave out other_multipliers"),
        ({"calibrate": "unrelated", "other_iterations": [1]}, "leave out other_multipliers and other_iterations"),
        ({"calibrate": "unrelated", "bisections": 0}, "bisections: must be greater than or equal to 1"),
    ],
)
def test_options_of_calibration_that_do_not_go_together(options, message):
    raw = {"datasets": {}, "attacks": {"mine": options}}
    with pytest.raises(InputError, match=r"attacks\.mine") as refusal:
        load_config(raw)
    assert message in str(refusal.value)


@pytest.mark.parametrize("keep", [False, True])
def test_an_attack_that_calibrates_says_what_it_has_found_and_knows_how_queries_are_saved(tmp_path, keep):
    config = load_config(configuration_in(tmp_path) | {"keep_perturbations": keep, "saving": {"quality": 60}})
    plan = Plan(config, {})
    found, kept = (
        "results/{dataset}/{attack}/" + file for file in ("calibration/{photo}.csv", "perturbation/{photo}.npz")
    )
    rules = {name: (attacks, files) for name, attacks, files in plan.attack_rules()}
    if keep:
        assert rules == {"attack_query": (["cv-pire"], [kept]), "attack_query_calibrated": (["own"], [kept, found])}
    else:
        assert rules["attack_query_own"][1][1:] == [found] and found not in rules["attack_query_cv-pire"][1]
    assert "--quality 60" in attack_options(plan, "tiny", "own")
    assert ("--quality 60" in attack_options(plan, "tiny", "cv-pire")) == (not keep)
    assert plan.calibrations() == ["results/tiny/own/calibration/a.csv"]
    assert attack_inputs(plan, "tiny", "own") == ["results/tiny/descriptors/efficientnet-lite0/learnt.npz"]


def configuration_in(folder) -> dict:
    """Write photos of a dataset, and configure an attack that is calibrated and one that is not."""
    (folder / "photos").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (16, 16)).save(folder / "photos" / f"{name}.png")
    (folder / "truth.json").write_text('{"queries": {"a": {"relevant": ["b"]}}}')
    places = {"folder": str(folder / "photos"), "ground_truth": str(folder / "truth.json")}
    return {
        "datasets": {"tiny": {"kind": "folder", **places}},
        "networks": {"efficientnet-lite0": {}},
        "variance": {"cv": {}},
        "attacks": {"cv-pire": {}, "own": {"calibrate": "unrelated"}},
    }


def test_a_calibrated_query_is_that_of_an_attack_by_hand_at_its_multiplier(tmp_path):
    photo, bound = tmp_path / "photo.png", tmp_path / "map.npy"
    Image.fromarray(astronaut()).resize((64, 64)).save(photo)
    cvpire("variance", photo, bound)
    options = ("--iterations", 2, "--device", "cpu", "--seed", 5)
    budget = ("--calibrate", "quality", "--budget", "{measure: psnr, limit: 36}", "--bisections", 3)
    query, record = tmp_path / "m60_T2" / "photo.png", tmp_path / "found.csv"
    cvpire("attack", photo, bound, query, record, "--multiplier", 60, *options, *budget)
    (row,) = csv.DictReader(record.open())
    assert list(row)[:3] == ["query", "multiplier", "iteration"]
    assert list(row)[3:] == ["found_multiplier", "value", "limit", "within_limit"]
    assert (row["query"], float(row["multiplier"]), row["iteration"], row["within_limit"]) == ("photo", 60, "2", "True")
    assert 0 < float(row["found_multiplier"]) < 60 and float(row["value"]) >= float(row["limit"]) == 36
    cvpire("attack", photo, bound, tmp_path / "by-hand.png", "--multiplier", row["found_multiplier"], *options)
    assert query.read_bytes() == (tmp_path / "by-hand.png").read_bytes()
    assert "give --calibrate" in refused(tmp_path, "attack", photo, bound, tmp_path / "other.csv", *options)


CURVE = {10.0: 0.6, 40.0: 0.3, 50.0: 0.1, 60.0: 0.2}


@pytest.mark.parametrize(
    ("level", "expected"),
    [(0.2, (50.0, 45.0)), (0.1, (50.0, 50.0)), (0.05, (None, None)), (0.7, (10.0, None)), (0.3, (40.0, 40.0))],
)
def test_where_a_curve_first_falls_to_a_level(level, expected):
    assert reading(CURVE, level) == pytest.approx(expected) if None not in expected else reading(CURVE, level)
    assert tuple(reading(CURVE, level)) == tuple(
        None if each is None else pytest.approx(each, abs=1e-9) for each in expected
    )


def test_the_table_reads_off_each_attack_and_says_what_photos_needed():
    rows = [("original", None, None, query, 1.0, True, None, None) for query in ("a", "b")]
    rows += [("cv", m, 5, query, ap, m == 50.0, None, None) for m, ap in CURVE.items() for query in ("a", "b")]
    rows += [("cv", 50.0, 9, query, 0.0, False, None, None) for query in ("a", "b")]
    rows += [("own", 80.0, 5, "a", 0.25, True, 20.0, True), ("own", 80.0, 5, "b", 0.35, True, 80.0, False)]
    names = ["attack", "multiplier", "iteration", "query", "ap", "headline", "found_multiplier", "within_limit"]
    queries = pd.DataFrame(rows, columns=names).assign(dataset="towers", network="net", victim="net")
    queries["label"] = queries["attack"].str.upper()
    made = calibration_table(SimpleNamespace(queries=queries, random={"towers": 0.2}), TableOptions())
    about = {"dataset": "towers", "iterations": 5, "random mAP": 20.0}
    read = {"multipliers": 4, "smallest mAP": 10.0, "at m": 50.0, "smallest m": 50.0, "interpolated m": 45.0}
    photos = {"mean m": 50.0, "smallest of a photo": 20.0, "largest of a photo": 80.0, "within the limit (%)": 50.0}
    nowhere = {"multipliers": 1, "smallest mAP": 30.0, "at m": 80.0, "smallest m": None, "interpolated m": None}
    expected = [{"method": "CV", **read, **dict.fromkeys(photos)}, {"method": "OWN", **nowhere, **photos}]
    told = made.astype(object).where(made.notna(), None).to_dict("records")
    assert told == [about | row for row in expected]


def test_a_dataset_is_calibrated_between_two_known_multipliers():
    asked = []

    def measure(multiplier):
        asked.append(multiplier)
        return 0.5 if multiplier < 43 else 0.2

    found = calibrate(CURVE, measure, 0.2, tolerance=2.5)
    assert asked == [45.0, 42.5]
    assert (found.multiplier, found.interval, found.random_map) == (45.0, (42.5, 45.0), 0.2)
    assert found.probes == {10.0: 0.6, 40.0: 0.3, 42.5: 0.5, 45.0: 0.2, 50.0: 0.1, 60.0: 0.2}


@pytest.mark.parametrize(
    ("level", "tolerance", "expected"), [(0.05, 1.0, (None, (60.0, None))), (0.2, 10.0, (50.0, (40.0, 50.0)))]
)
def test_nothing_more_is_measured_where_no_multiplier_reaches_the_level_or_two_are_near_enough(
    level, tolerance, expected
):
    found = calibrate(CURVE, lambda multiplier: pytest.fail("measured"), level, tolerance)
    assert (found.multiplier, found.interval) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dataset": "rome"}, "--dataset: 'rome' is not in "),
        ({"attack": "fog"}, "--attack: 'fog' does not run on dataset tiny; attacks there: cv-pire, own"),
        ({"attack": "own"}, "--attack: own finds a multiplier for each photo itself (calibrate: unrelated)"),
    ],
)
def test_a_dataset_is_not_calibrated_by_what_does_not_run_there(tmp_path, given, message):
    configuration = tmp_path / "config.yaml"
    configuration.write_text(yaml.safe_dump(configuration_in(tmp_path)))
    with pytest.raises(InputError) as refusal:
        calibrate_dataset(configuration, **{"attack": "cv-pire", "dataset": "tiny", **given}, tolerance=1)
    assert message in str(refusal.value)
