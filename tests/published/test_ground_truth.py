"""The published ground truth of Oxford-5k and Paris-6k."""

from pathlib import Path

import pytest
from cvpire.datasets import with_clean_twin
from cvpire.datasets.folder import read_folder
from cvpire.datasets.ground_truth import read_ground_truth

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published data at {DATA}")


@pytest.mark.parametrize(("name", "photos"), [("oxford5k", 5063), ("paris6k", 6392)])
def test_sizes(name, photos):
    truth = read_ground_truth(DATA / "ground-truth" / f"gnd_{name}.pkl")
    assert len(truth.queries) == 55
    assert len(truth.database) == photos
    # The whole-image queries are in the database, and count as relevant to themselves.
    assert all(query in truth.database and query in entry.relevant for query, entry in truth.queries.items())


def test_first_oxford_query():
    truth = read_ground_truth(DATA / "ground-truth" / "gnd_oxford5k.pkl")
    query = truth.queries["all_souls_000013"]
    assert query.box == (136.5, 34.1, 648.5, 955.7)
    assert "all_souls_000026" in query.relevant


def test_the_published_photos_are_a_dataset_of_their_own():
    # What is at hand is the queries: each is ranked against the other 54.
    photos = DATA / "oxford-queries" / "photos"
    dataset = read_folder(photos, DATA / "ground-truth" / "gnd_oxford5k.pkl", "drop")
    assert len(dataset.queries) == len(dataset.database) == len(dataset.photos) == 55
    assert "5008 of 5063 database" in dataset.notes[0]
    without_twins = with_clean_twin(dataset, "junk")
    assert len(without_twins.queries) == 55
    assert all(query not in entry.relevant for query, entry in without_twins.queries.items())
