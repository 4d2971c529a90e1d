"""The random mAP of section 4.2.3, from the ground truth of Oxford-5k and Paris-6k alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cvpire.cli import main
from cvpire.datasets.ground_truth import read_ground_truth
from cvpire.retrieval.random_ranking import expected_map, ranking_sizes, shuffled_map

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published data at {DATA}")


@pytest.fixture(scope="module", params=["oxford5k", "paris6k"])
def sizes(request):
    truth = read_ground_truth(DATA / "ground-truth" / f"gnd_{request.param}.pkl")
    return request.param, ranking_sizes(truth.queries, truth.database)


PRINTED = {"oxford5k": "1.11", "paris6k": "2.69"}
PLAIN = {"oxford5k": "1.19", "paris6k": "2.75"}


def test_trapezoid_gives_the_printed_numbers_exactly(sizes):
    name, counts = sizes
    assert f"{100 * expected_map(*counts, 'trapezoid'):.2f}" == PRINTED[name]


def test_equation_4_1_gives_others(sizes):
    name, counts = sizes
    assert f"{100 * expected_map(*counts, 'sum'):.2f}" == PLAIN[name]


@pytest.mark.parametrize("form", ["trapezoid", "sum"])
def test_shuffling_converges_to_the_expectation(sizes, form):
    name, counts = sizes
    mean, error, shuffles = shuffled_map(*counts, form, 5e-5, np.random.default_rng(0))
    assert error < 5e-5
    assert shuffles < 2000
    assert abs(mean - expected_map(*counts, form)) < 4 * error
    if form == "trapezoid":
        # The estimate is good to 0.005 percent points, so its second decimal may be off by one.
        assert 100 * mean == pytest.approx(float(PRINTED[name]), abs=0.015)


def test_one_command_gives_both_tables(tmp_path, monkeypatch):
    files = [str(DATA / "ground-truth" / f"gnd_{name}.pkl") for name in PRINTED]
    monkeypatch.setattr("sys.argv", ["cvpire", "random-map", *files, "--out", str(tmp_path / "random")])
    with pytest.raises(SystemExit, match="0"):
        main()
    table = pd.read_csv(tmp_path / "random.csv").set_index(["ground truth", "form"])
    assert (table["standard error"] < 0.005).all()
    assert ((table["shuffled"] - table["exact"]).abs() < 4 * table["standard error"]).all()
    exact = table["exact"].xs("trapezoid", level="form")
    assert [f"{value:.2f}" for value in exact] == list(PRINTED.values())
    derived = pd.read_csv(tmp_path / "random-derived.csv", dtype={"printed": str})
    assert [f"{value:.2f}" for value in derived["value"]] == derived["printed"].tolist()
