"""The published ground truth of Oxford-5k and Paris-6k, original and revisited."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from cvpire.datasets import Dataset, with_clean_twin
from cvpire.datasets.benchmarks import BENCHMARKS, benchmark_queries, photo_names, read_benchmark
from cvpire.datasets.folder import read_folder
from cvpire.datasets.ground_truth import read_ground_truth
from cvpire.datasets.listing import read_listing, write_listing
from cvpire.errors import InputError

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FILES = {
    "oxford5k": DATA / "ground-truth" / "gnd_oxford5k.pkl",
    "paris6k": DATA / "ground-truth" / "gnd_paris6k.pkl",
    "roxford5k": DATA / "ground-truth" / "gnd_roxford5k.mat",
    "rparis6k": DATA / "ground-truth" / "gnd_rparis6k.mat",
}
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published data at {DATA}")

original = pytest.mark.parametrize("name", ["oxford5k", "paris6k"])
revisited = pytest.mark.parametrize("name", ["roxford5k", "rparis6k"])


@pytest.mark.parametrize("kind", list(BENCHMARKS))
def test_what_is_known_before_the_download_is_what_the_file_says(kind):
    truth = read_ground_truth(FILES[kind])
    assert {name: query.box for name, query in truth.queries.items()} == benchmark_queries(kind)
    assert len(truth.queries) == BENCHMARKS[kind].queries
    assert len(truth.database) == BENCHMARKS[kind].database
    assert all(bool(query.difficulties) == BENCHMARKS[kind].revisited for query in truth.queries.values())


@pytest.mark.parametrize("given", list(BENCHMARKS))
@pytest.mark.parametrize("kind", list(BENCHMARKS))
def test_each_file_is_taken_for_its_own_benchmark_alone(tmp_path, kind, given):
    # Without photos no benchmark can be read; the right file is the one that says which are missing.
    with pytest.raises(InputError) as caught:
        read_benchmark(kind, tmp_path, FILES[given])
    right = f"{tmp_path}: lacks {len(photo_names(FILES[given]))} of the "
    assert str(caught.value).startswith(right if kind == given else f"{FILES[given]}: not the ground truth of {kind} (")


@original
def test_whole_image_queries_of_the_original_are_in_the_database(name):
    truth = read_ground_truth(FILES[name])
    # They count as relevant to themselves.
    assert all(query in truth.database and query in entry.relevant for query, entry in truth.queries.items())


def test_first_oxford_query():
    truth = read_ground_truth(FILES["oxford5k"])
    query = truth.queries["all_souls_000013"]
    assert query.box == (136.5, 34.1, 648.5, 955.7)
    assert "all_souls_000026" in query.relevant


def test_the_published_photos_are_a_dataset_of_their_own():
    # What is at hand is the queries: each is ranked against the other 54.
    photos = DATA / "oxford-queries" / "photos"
    dataset = read_folder(photos, FILES["oxford5k"], "drop")
    assert len(dataset.queries) == len(dataset.database) == len(dataset.photos) == 55
    assert "5008 of 5063 database" in dataset.notes[0]
    without_twins = with_clean_twin(dataset, "junk")
    assert len(without_twins.queries) == 55
    assert all(query not in entry.relevant for query, entry in without_twins.queries.items())


# --- revisited -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "easy", "hard", "junk"), [("roxford5k", 3029, 2497, 1356), ("rparis6k", 6874, 10350, 7153)]
)
@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
def test_answers_at_the_three_difficulties(name, easy, hard, junk, difficulty):
    truth = read_ground_truth(FILES[name], difficulty)
    relevant = sum(len(query.relevant) for query in truth.queries.values())
    left_out = sum(len(query.junk) for query in truth.queries.values())
    assert relevant == {"easy": easy, "medium": easy + hard, "hard": hard}[difficulty]
    assert left_out == {"easy": junk + hard, "medium": junk, "hard": junk + easy}[difficulty]
    assert all(query.difficulties[difficulty] == (query.relevant, query.junk) for query in truth.queries.values())


def test_queries_without_an_easy_photo():
    def without(name, difficulty):
        truth = read_ground_truth(FILES[name], difficulty)
        return [query for query, entry in truth.queries.items() if not entry.relevant]

    assert without("roxford5k", "easy") == ["balliol_000187", "hertford_000082"]
    assert without("roxford5k", "hard") == without("rparis6k", "easy") == without("rparis6k", "hard") == []


@revisited
def test_queries_of_the_revisited_are_not_in_the_database(name):
    truth = read_ground_truth(FILES[name])
    assert not truth.queries.keys() & set(truth.database)
    # Together they are the photos of the original, so one unpacked folder serves both.
    assert photo_names(FILES[name]) == photo_names(FILES[BENCHMARKS[name].photos])


@revisited
@pytest.mark.parametrize("difficulty", ["easy", "hard"])
def test_the_matlab_file_says_what_a_pickle_of_it_says(tmp_path, name, difficulty):
    # A reader of its own writes the pickle; its indices count from 0 as MATLAB's from 1.
    read = scipy.io.loadmat(FILES[name])
    content = {key: [str(cell[0]) for cell in read[key].ravel()] for key in ("imlist", "qimlist")}
    content["gnd"] = [
        {key: entry[key].ravel() - (0 if key == "bbx" else 1) for key in ("easy", "hard", "junk", "bbx")}
        for entry in read["gnd"].ravel()
    ]
    path = tmp_path / "truth.pkl"
    path.write_bytes(pickle.dumps(content))
    assert read_ground_truth(FILES[name], difficulty) == read_ground_truth(path, difficulty)


@revisited
def test_indices_are_not_off_by_one(name):
    # Most of what is relevant now was relevant before; of the photos beside them in the list hardly any was.
    before = read_ground_truth(FILES[BENCHMARKS[name].photos]).queries
    now = read_ground_truth(FILES[name]).queries
    shares = [len(now[query].relevant & entry.relevant) / len(now[query].relevant) for query, entry in before.items()]
    assert np.mean(shares) > 0.6


@revisited
def test_the_listing_keeps_everything(tmp_path, name):
    truth = read_ground_truth(FILES[name], "hard")
    dataset = Dataset({photo: Path(f"{photo}.jpg") for photo in sorted(truth.names)}, truth.database, truth.queries)
    dataset = with_clean_twin(dataset, "relevant")
    write_listing(tmp_path / "dataset.json", dataset)
    assert read_listing(tmp_path / "dataset.json") == dataset
    assert dataset.queries == truth.queries, "there is no clean twin"
