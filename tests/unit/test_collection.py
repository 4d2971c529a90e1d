"""The tidy table of all measurements, and files that something has damaged."""

import json

import pytest
from cvpire.datasets import Dataset, Query
from cvpire.datasets.listing import write_listing
from cvpire.errors import InputError
from cvpire.files import write_csv, write_rows
from cvpire.measures import QUALITY
from cvpire.results import Attack, Results, Run, as_json
from cvpire.tables.collection import COLUMNS, collect_random_results, collect_results, read_random, read_results

NET = {"set": ("net",)}
RUN = Run({"set": "folder"}, {"cv": Attack("CV", ("net",), NET, 50, 2, "map", ".jpg")}, NET, {})
VERSIONS = [(50.0, 1), (50.0, 2)]


def collect(root):
    return collect_results(Results(root))


def write_run(folder, run=RUN, names=("a", "b"), tops=("x/y", "x/y")):
    """Results of a dataset of two queries that count and one that has no answers."""
    (folder / "run.json").write_text(json.dumps(as_json(run)))
    answers = {names[0]: frozenset({"x"}), names[1]: frozenset({"y"}), "none": frozenset()}
    queries = {name: Query(relevant, frozenset()) for name, relevant in answers.items()}
    photos = {name: folder / f"{name}.jpg" for name in queries}
    (dataset,), ((attack, about),), ((network,),) = run.datasets, run.attacks.items(), run.victims.values()
    write_listing(folder / dataset / "dataset.json", Dataset(photos, (), queries))
    scores = {"ap": 0.5, "ap_sum": 0.5, "ap_trapezoid": 0.5, "ap_reversed": 0.25, "among_last": 1.0}
    ranked = [{"query": query, **scores, "top": top} for query, top in zip(names, tops, strict=True)]
    steps = [(about.multiplier, step) for _, step in VERSIONS]
    versions = [{**row, "multiplier": multiplier, "iteration": step} for row in ranked for multiplier, step in steps]
    tables = {
        f"original/retrieval/{network}.csv": [{**row, "multiplier": None, "iteration": None} for row in ranked],
        f"{attack}/retrieval/{network}.csv": versions,
        **{
            f"{attack}/quality/{query}.csv": [
                {"query": query, "multiplier": multiplier, "iteration": step, "ssim": 0.9} for multiplier, step in steps
            ]
            for query in names
        },
    }
    for name, rows in tables.items():
        write_rows(folder / dataset / name, rows)
    return folder


@pytest.fixture
def root(tmp_path):
    return write_run(tmp_path)


FILES = ["original/retrieval/net.csv", "cv/retrieval/net.csv", "cv/quality/b.csv"]


def test_rankings_and_quality_are_joined(root):
    collected = collect(root)

    assert list(collected["query"]) == ["a", "b", "a", "a", "b", "b"]
    assert list(collected["headline"]) == [True, True, False, True, False, True]
    assert (collected["ap_reversed"] == 0.25).all() and (collected["among_last"] == 1).all()
    assert list(collected["ssim"]) == [1.0, 1.0, 0.9, 0.9, 0.9, 0.9]
    assert set(collected["network"]) == set(collected["victim"]) == {"net"}
    assert list(collected["label"].unique()) == ["Original", "CV"]
    others = [measure.column for measure in QUALITY if measure.column != "ssim"]
    assert collected[others].isna().all(axis=None), "not measured, of unattacked queries neither"


def test_unattacked_queries_have_what_the_measures_say_of_unchanged_photos(root):
    values = {measure.column: 0.5 for measure in QUALITY}
    for query in "ab":
        rows = [{"query": query, "multiplier": bound, "iteration": step, **values} for bound, step in VERSIONS]
        write_rows(root / "set" / "cv" / "quality" / f"{query}.csv", rows)

    collected = collect(root)[["attack", *values]].drop_duplicates().set_index("attack")

    assert collected.loc["original"].to_dict() == {measure.column: measure.unchanged for measure in QUALITY}
    assert collected.loc["cv"].to_dict() == values


def test_without_attacks_unattacked_queries_have_every_measure(root):
    (root / "run.json").write_text(json.dumps(as_json(RUN._replace(attacks={}))))

    assert collect(root)[[measure.column for measure in QUALITY]].notna().all(axis=None)


@pytest.mark.parametrize("names", [("NA", "null"), ("nan", "None"), ("1", "007"), ("N/A", "-inf")])
def test_names_that_look_like_nothing_or_like_numbers(tmp_path, names):
    names, multiplier = tuple(name.replace("/", "_") for name in names), 42.8571424242424
    attacks = {"NA": Attack("nan", ("1",), {"null": ("1",)}, multiplier, 2, "map", ".jpg")}
    write_run(tmp_path, Run({"null": "folder"}, attacks, {"null": ("1",)}, {}), names, tops=("NA", "1"))
    write_csv(tmp_path / "queries.csv", collect(tmp_path))
    collected = read_results(tmp_path / "queries.csv")

    assert collected["query"].unique().tolist() == list(names)
    assert collected["top"].unique().tolist() == ["NA", "1"]
    assert {
        name: collected[name].unique().tolist() for name in ("dataset", "attack", "label", "network", "victim")
    } == {
        "dataset": ["null"],
        "attack": ["original", "NA"],
        "label": ["Original", "nan"],
        "network": ["1"],
        "victim": ["1"],
    }
    assert collected["multiplier"].dropna().unique().tolist() == [multiplier], "to its last digit"
    assert collected["headline"].sum() == 4
    assert collected[["ap_easy", "ap_medium", "ap_hard"]].isna().all(axis=None)
    random = tmp_path / "NA" / "random.csv"
    expected = {"ap": 0.1, "ap_sum": 0.1, "ap_trapezoid": 0.1, "ap_reversed": 0.1, "among_last": 0.7}
    write_rows(random, [{"query": name, **expected} for name in names])
    write_csv(tmp_path / "random.csv", collect_random_results([random]))
    assert read_random(tmp_path / "random.csv").to_dict() == {"NA": pytest.approx(0.1)}
    assert read_random(tmp_path / "random.csv", "among_last").to_dict() == {"NA": pytest.approx(0.7)}


def test_only_the_datasets_of_an_attack_are_looked_for(root):
    nowhere = RUN.attacks["cv"]._replace(victims={})
    (root / "run.json").write_text(json.dumps(as_json(RUN._replace(attacks={**RUN.attacks, "elsewhere": nowhere}))))

    assert set(collect(root)["attack"]) == {"original", "cv"}


def test_columns_keep_their_order(root):
    columns = (
        "dataset,network,attack,label,victim,transformation,query,multiplier,iteration,headline,ap,ap_sum,ap_trapezoid,"
        "ap_reversed,among_last,ssim,ssim_range_1,ssim_range_2,mse,nrmse,psnr,ciede2000,ciede2000_p95,ssimulacra2,vsi,"
        "mdsi,fsimc,haarpsi,top,landmark,ap_easy,ap_medium,ap_hard,attacked,found_multiplier,"
        "within_limit"
    )
    assert list(collect(root).columns) == COLUMNS == columns.split(",")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("cut", [1, 2, 10])
def test_a_table_that_ends_within_a_line(root, file, cut):
    path = root / "set" / file
    path.write_bytes(path.read_bytes()[:-cut])

    with pytest.raises(InputError, match=rf"{path.name}: truncated or damaged \(.*within a line.*delete it and run"):
        collect(root)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("lines", [1, 2])
def test_a_table_that_ends_between_lines(root, file, lines):
    path = root / "set" / file
    kept = path.read_text().splitlines(keepends=True)[:-lines]
    path.write_text("".join(kept))

    with pytest.raises(InputError, match=rf"{path.name}: truncated or damaged \(it lacks rows\)"):
        collect(root)


@pytest.mark.parametrize("content", [b"", b"\n", b"\x00\xff\xfe\n" * 5, b"a,b\n1,2\n1,2,3\n"])
@pytest.mark.parametrize("read", [read_random, lambda path: collect_random_results([path])])
def test_what_is_no_table_is_named(tmp_path, read, content):
    path = tmp_path / "table.csv"
    path.write_bytes(content)

    with pytest.raises(InputError, match=r"table\.csv: truncated or damaged"):
        read(path)


def test_a_table_of_all_measurements_that_is_damaged(root):
    path = root / "queries.csv"
    collect(root).to_csv(path, index=False)
    assert len(read_results(path)) == 6
    path.write_text(path.read_text() + '"\n')

    with pytest.raises(InputError, match=r"queries\.csv: truncated or damaged \(.*EOF inside string"):
        read_results(path)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"table\.csv: no such table"):
        read_results(tmp_path / "table.csv")
