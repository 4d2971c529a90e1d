"""Tables from the tidy table of all measurements, and tables as files."""

import json
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cvpire.config import TableOptions
from cvpire.datasets import Dataset
from cvpire.datasets.benchmarks import THESIS
from cvpire.datasets.listing import write_listing
from cvpire.errors import InputError
from cvpire.measures import MEASURES, Measure
from cvpire.results import Results, Run, as_json
from cvpire.tables.catalogue import CATALOGUE
from cvpire.tables.collection import COLUMNS, read_results
from cvpire.tables.formats import write_table
from cvpire.tables.gate import gate_table
from cvpire.tables.making import make_table
from cvpire.tables.selection import by_query, own_victim, select
from cvpire.tables.statistics import mean_interval
from cvpire.tables.thesis_numbers import TABLE_4_1, printed, printed_in_table_4_1


def make(name, queries, random=None, kinds=None, attacks=None, **options):
    """Make a table of the catalogue from rows of queries.csv."""
    datasets = dict.fromkeys(queries["dataset"], "demo") | (kinds or {})
    run = SimpleNamespace(datasets=datasets, attacks=attacks or {})
    module, function = CATALOGUE[name].make.split(":")
    table = getattr(import_module(f"cvpire.tables.{module}"), function)
    return table(SimpleNamespace(queries=queries, random=random, run=run), TableOptions(**options))


def row(dataset, attack, query, ap, ssim=1.0, multiplier=None, iteration=None, headline=True, victim="net", **given):
    label = given.get("label", attack.upper() if attack != "original" else "Original")
    network = victim if attack == "original" else given.get("network", "net")
    return {
        "dataset": dataset,
        "network": network,
        "attack": attack,
        "label": label,
        "victim": victim,
        "query": query,
        "multiplier": multiplier,
        "iteration": iteration,
        "headline": headline,
        "ap": ap,
        "ssim": ssim,
        "landmark": given.get("landmark", query),
    }


@pytest.fixture
def results():
    """Two datasets, two queries, two attacks; rows that must not count have values far off."""
    return pd.DataFrame(
        [
            row("oxford", "original", "a", 0.7),
            row("oxford", "original", "b", 0.8),
            row("paris", "original", "a", 0.9),
            row("paris", "original", "b", 0.85),
            row("oxford", "original", "a", 0.0, victim="other"),
            row("oxford", "cv-pire", "a", 0.05, 0.91, 50, 100),
            row("oxford", "cv-pire", "b", 0.0614, 0.924, 50, 100),
            row("oxford", "cv-pire", "a", 0.99, 0.1, 50, 10, headline=False),
            row("oxford", "cv-pire", "a", 0.99, 0.1, 60, 100, headline=False),
            row("oxford", "cv-pire", "a", 0.99, 0.1, 50, 100, victim="other"),
            row("paris", "cv-pire", "a", 0.09, 0.90, 50, 100),
            row("paris", "cv-pire", "b", 0.10, 0.92, 50, 100),
            row("oxford", "a-later", "a", 0.04, 0.8, 12.5, 500),
            row("oxford", "a-later", "b", 0.05, 0.7, 12.5, 500),
            row("paris", "a-later", "a", 0.08, 0.8, 12.5, 500),
            row("paris", "a-later", "b", 0.12, 0.9, 12.5, 500),
        ]
    )


def test_numbers_are_means_of_the_headline_rows(results):
    expected = pd.DataFrame(
        {
            "method": ["Original", "CV-PIRE", "A-LATER"],
            "multiplier": [None, 50, 12.5],
            "iterations": [None, 100, 500],
            "oxford mAP": [75.0, 5.57, 4.5],
            "oxford mSSIM": [1.0, 0.917, 0.75],
            "paris mAP": [87.5, 9.5, 10.0],
            "paris mSSIM": [1.0, 0.91, 0.85],
        }
    )
    pd.testing.assert_frame_equal(make("4.1", results), expected, check_dtype=False)


def test_an_attack_that_stands_apart_is_in_no_table(results):
    apart = {"a-later": SimpleNamespace(compared=False), "cv-pire": SimpleNamespace(compared=True)}
    assert list(make("4.1", results, attacks=apart)["method"]) == ["Original", "CV-PIRE"]
    assert not len(make("comparisons", results, attacks=apart))
    every = make("4.1", results)
    pd.testing.assert_frame_equal(make("4.1", results, attacks=apart), every[every["method"] != "A-LATER"])


def test_order_of_the_rows_changes_no_number(results):
    table = make("4.1", results)
    shuffled = make("4.1", results.sample(frac=1, random_state=3))
    aligned = shuffled.set_index("method").loc[table["method"], table.columns[1:]].reset_index()
    assert shuffled["method"].iloc[0] == "Original"
    pd.testing.assert_frame_equal(aligned, table)


def test_results_may_come_from_memory_or_from_a_file(results, tmp_path):
    results.to_csv(tmp_path / "queries.csv", index=False)
    read = make("4.1", pd.read_csv(tmp_path / "queries.csv"))
    nullable = make("4.1", results.astype({"multiplier": "Float64", "iteration": "Int64"}))
    pd.testing.assert_frame_equal(read, make("4.1", results))
    pd.testing.assert_frame_equal(nullable, make("4.1", results))


def test_each_attacked_network_has_its_own_originals(results):
    more = [
        row(dataset, "cv-other", query, 0.02, 0.9, 50, 100, victim="other", network="other", label="CV-PIRE")
        for dataset in ("oxford", "paris")
        for query in "ab"
    ]
    more += [row("oxford", "original", "b", 0.5, victim="other")]
    more += [row("paris", "original", query, 0.4, victim="other") for query in "ab"]
    table = make("4.1", pd.concat([results, pd.DataFrame(more)])).set_index("method")
    assert list(table.index) == [
        "Original (net)",
        "Original (other)",
        "CV-PIRE (cv-pire)",
        "A-LATER",
        "CV-PIRE (cv-other)",
    ]
    assert table.loc["Original (other)", "oxford mAP"] == 25.0
    assert table.loc["Original (net)", "oxford mAP"] == 75.0


def test_an_attack_that_does_not_run_on_a_dataset_has_empty_cells_there(results):
    everywhere = make("4.1", results).set_index("method")
    table = make("4.1", results[(results["attack"] != "a-later") | (results["dataset"] != "paris")])
    table = table.set_index("method")
    assert table.loc["A-LATER", ["paris mAP", "paris mSSIM"]].isna().all()
    assert table.drop(columns=["paris mAP", "paris mSSIM"]).equals(
        everywhere.drop(columns=["paris mAP", "paris mSSIM"])
    )


def test_unattacked_queries_missing_for_a_dataset_are_named(results):
    lacking = results[(results["attack"] != "original") | (results["dataset"] != "paris")]
    with pytest.raises(InputError, match="dataset 'paris' has no unattacked queries ranked by 'net'"):
        make("4.1", lacking)


def test_an_attack_that_its_own_network_never_ranked_is_named(results):
    results.loc[results["attack"] == "cv-pire", "victim"] = "other"
    with pytest.raises(InputError, match="'cv-pire' is not ranked by its own network 'net'"):
        make("4.1", results)
    with pytest.raises(InputError, match="no attacked queries"):
        make("4.1", results[results["attack"] == "original"])


def test_a_query_missing_at_one_point_is_named(results):
    chosen = select(own_victim(results), dataset="oxford", attack="cv-pire")
    with pytest.raises(InputError, match="query 'b' has no ap at iteration 10"):
        by_query(chosen[chosen["multiplier"] == 50], "iteration", "ap")


def test_formats_agree(results, tmp_path):
    table = make("4.1", results)
    paths = write_table(table, tmp_path / "tables" / "table-4.1", "mAP in % & mSSIM")
    assert [path.name for path in paths] == ["table-4.1.csv", "table-4.1.md", "table-4.1.tex"]
    pd.testing.assert_frame_equal(pd.read_csv(paths[0]), table, check_dtype=False)
    csv, markdown, latex = (path.read_text(encoding="utf-8") for path in paths)
    rows = [line.split(",") for line in csv.splitlines()]
    assert rows[1] == ["Original", "", "", "75.00", "1.000", "87.50", "1.000"]
    assert rows[3] == ["A-LATER", "12.5", "500", "4.50", "0.750", "10.00", "0.850"]
    in_markdown = [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines()[2:]]
    assert [in_markdown[0], *in_markdown[2:]] == rows
    in_latex = [line.removesuffix(r" \\") for line in latex.splitlines() if line.endswith(r"\\")]
    assert [[cell.strip() for cell in line.split(" & ")] for line in in_latex] == rows
    assert r"\toprule" in latex and r"\label{tab:table-4.1}" in latex and r"\caption{mAP in \% \& mSSIM}" in latex


def test_special_characters_are_escaped(results, tmp_path):
    table = make("4.1", results.replace({"CV-PIRE": "A_1 | 50 % & $x^2$ \\ {~}"}))
    _, markdown, latex = (path.read_text(encoding="utf-8") for path in write_table(table, tmp_path / "t", "c"))
    assert r"A\_1 \| 50 % & $x^2$ \\ {~}" in markdown
    assert r"A\_1 | 50 \% \& \$x\textasciicircum{}2\$ \textbackslash{} \{\textasciitilde{}\}" in latex
    assert len({line.replace(r"\|", "").count("|") for line in markdown.splitlines()[2:]}) == 1


def both_forms(results):
    """Give the frame the columns of both forms and ranges, from `ap` and `ssim`."""
    ap, ssim = results["ap"], results["ssim"]
    return results.assign(ap_sum=ap, ap_trapezoid=ap / 2, ssim_range_1=ssim / 2, ssim_range_2=ssim, ciede2000=3.0)


def test_differences_are_compared_after_equally_many_steps(results):
    longer = [
        row("oxford", "a-later", query, ap, 0.6, 12.5, 100, headline=False) for query, ap in (("a", 0.2), ("b", 0.4))
    ]
    oxford = results[results["dataset"] == "oxford"]
    table = make("differences", both_forms(pd.concat([oxford, pd.DataFrame(longer)], ignore_index=True)))
    table = table.set_index("attack")
    assert table["iterations"].dropna().tolist() == [100, 100]
    assert table.loc["original", "mAP (eq. 4.1)"] == 75.0
    assert table.loc["cv-pire", "mAP (eq. 4.1)"] == 5.57
    assert table.loc["a-later", ["mAP (eq. 4.1)", "mAP (trapezoid)"]].tolist() == [30.0, 15.0]
    assert table.loc["a-later", ["mSSIM (range 1)", "mSSIM (range 2)", "CIEDE2000"]].tolist() == [0.3, 0.6, 3.0]


def test_differences_need_an_iteration_in_common(results):
    with pytest.raises(InputError, match="no iteration in common"):
        make("differences", both_forms(results))


# --- Confidence intervals, and the thesis's numbers -------------------------------------------------------------------

METHODS = {"cv-pire": (50,), "sd-pire": (48, 49, 50), "pire": (10,)}


@pytest.fixture(scope="module")
def measured():
    """Two datasets, twelve queries to four landmarks, three attacks after the thesis's iterations."""
    generator = np.random.default_rng(3)
    rows = []
    for dataset in ("oxford", "paris"):
        for number in range(12):
            landmark = f"landmark_{'abcd'[number // 3]}"
            query = f"{landmark}_{number:06d}"
            rows.append(row(dataset, "original", query, generator.uniform(0.5, 1), landmark=landmark))
            for attack, multipliers in METHODS.items():
                for multiplier in multipliers:
                    steps = 500 if attack == "pire" else 100
                    headline = multiplier == multipliers[-1]
                    ap, ssim = generator.uniform(0, 0.2), generator.uniform(0.85, 0.95) - 0.1 * (attack == "pire")
                    rows.append(row(dataset, attack, query, ap, ssim, multiplier, steps, headline, landmark=landmark))
                early = {"headline": False, "landmark": landmark}
                rows.append(row(dataset, attack, query, 0.9, 0.1, multiplier, 10, **early))
    return both_forms(pd.DataFrame(rows))


def test_confidence_holds_the_numbers_of_table_4_1_and_their_intervals(measured):
    table = make("4.1-confidence", measured.sample(frac=1, random_state=2).sort_values(["dataset", "attack"]))
    assert len(table) == 2 * 4 * 4 and "thesis" not in table
    wide = make("4.1", measured).set_index("method")
    means = table.set_index(["dataset", "method", "measure"])
    for dataset, method in ((dataset, method) for dataset in ("oxford", "paris") for method in wide.index):
        assert means.loc[(dataset, method, "mAP (eq. 4.1)"), "mean"] == wide.loc[method, f"{dataset} mAP"]
        assert means.loc[(dataset, method, "mSSIM (range 2)"), "mean"] == wide.loc[method, f"{dataset} mSSIM"]
    one = select(measured, dataset="paris", attack="pire", headline=True).sort_values("query")
    landmark = one["query"].str[:10]
    expected = [*mean_interval(50 * one["ap"]), *mean_interval(50 * one["ap"], landmark)]
    columns = ["low (queries)", "high (queries)", "low (landmarks)", "high (landmarks)"]
    np.testing.assert_allclose(means.loc[("paris", "PIRE", "mAP (trapezoid)"), columns].tolist(), expected, atol=0.0051)


def test_landmarks_are_those_of_the_measurements(measured):
    one = measured.assign(landmark="all").groupby("query", group_keys=False).head(3)
    assert make("4.1-confidence", one)["low (landmarks)"].isna().all()
    each = make("4.1-confidence", measured.assign(landmark=measured["query"]))
    np.testing.assert_array_equal(each["low (landmarks)"], each["low (queries)"])


def test_the_thesis_stands_beside_like_numbers_of_its_datasets_only(measured):
    table = make("4.1-confidence", measured, kinds={"paris": "paris6k"})
    given = table.dropna(subset="thesis").set_index(["dataset", "method", "measure"])
    assert list(given.index) == [
        ("paris", method, measure)
        for method in ("Original", "CV-PIRE", "SD-PIRE", "PIRE")
        for measure in ("mAP (trapezoid)", "mSSIM (range 2)")
    ]
    assert given["thesis"].tolist() == [87.26, 1.0, 8.90, 0.911, 8.70, 0.904, 9.12, 0.783]
    np.testing.assert_allclose(given["difference"], given["mean"] - given["thesis"], atol=1e-9)
    longer = make("4.1-confidence", measured.assign(iteration=measured["iteration"] * 2), kinds={"paris": "paris6k"})
    assert set(longer.dropna(subset="thesis")["method"]) == {"Original"}
    assert "thesis" not in make("4.1-confidence", measured, kinds={"paris": "rparis6k"})


def test_printed_numbers_are_those_of_tables_4_1_and_4_2():
    table = {
        "oxford5k": {"CV-PIRE": (0.0507, 0.916), "SD-PIRE": (0.0469, 0.908), "PIRE": (0.0466, 0.793)},
        "paris6k": {"CV-PIRE": (0.0890, 0.911), "SD-PIRE": (0.0870, 0.904), "PIRE": (0.0912, 0.783)},
    }
    assert tuple(table) == THESIS and all(list(methods) == list(TABLE_4_1) for methods in table.values())
    for dataset, methods in table.items():
        for method, (ap, ssim) in methods.items():
            settings = {"CV-PIRE": (50, 100), "SD-PIRE": (50, 100), "PIRE": (10, 500)}[method]
            assert printed(dataset, "ap_trapezoid", method, *settings) == pytest.approx(100 * ap)
            assert printed(dataset, "ssim_range_2", method, *settings) == ssim
            assert printed_in_table_4_1(dataset, "ap_trapezoid", method) == ap
            assert printed_in_table_4_1(dataset, "ssim_range_2", method) == ssim
    oxford = [printed("oxford5k", "ap_trapezoid", "SD-PIRE", float(m), 100) for m in range(50, 41, -1)]
    assert oxford == [4.69, 4.48, 4.63, 4.72, 4.82, 4.84, 5.28, 5.33, 5.90]
    paris = [printed("paris6k", "ssim_range_2", "SD-PIRE", float(m), 100) for m in range(50, 41, -1)]
    assert paris == [0.904, 0.906, 0.908, 0.910, 0.911, 0.913, 0.915, 0.917, 0.920]
    assert np.isnan(printed("oxford5k", "ap_sum", "CV-PIRE", 50, 100))
    assert np.isnan(printed(None, "ap_trapezoid", "CV-PIRE", 50, 100))
    assert np.isnan(printed("demo", "ap_trapezoid", "CV-PIRE", 50, 100))
    assert np.isnan(printed_in_table_4_1("oxford5k", "ap_sum", "CV-PIRE"))
    assert np.isnan(printed_in_table_4_1("oxford5k", "ap_trapezoid", "Original"))


# --- Table 4.2 --------------------------------------------------------------------------------------------------------


def test_table_4_2_sets_one_attack_beside_the_multipliers_of_another(measured):
    table = make("4.2", measured, {"oxford": 0.0111, "paris": 0.0269})
    assert table[["method", "multiplier", "iterations"]].to_numpy().tolist() == [
        ["CV-PIRE", 50, 100],
        ["SD-PIRE", 50, 100],
        ["SD-PIRE", 49, 100],
        ["SD-PIRE", 48, 100],
    ]
    wanted = select(measured, dataset="paris", attack="sd-pire", multiplier=48, iteration=100)
    assert table["paris mAP"].iloc[3] == round(100 * wanted["ap"].mean(), 2)
    assert table["paris mSSIM"].iloc[3] == round(wanted["ssim"].mean(), 3)
    assert (table["oxford random mAP"] == 1.11).all() and (table["paris random mAP"] == 2.69).all()
    first = make("4.1", measured).set_index("method").loc["CV-PIRE", ["oxford mAP", "paris mSSIM"]]
    assert table.loc[0, ["oxford mAP", "paris mSSIM"]].tolist() == first.tolist()
    confidence = make("4.2-confidence", measured, kinds={"oxford": "oxford5k"})
    shown = confidence[(confidence["measure"] == "mAP (trapezoid)") & (confidence["dataset"] == "oxford")]
    assert shown["thesis"].tolist() == [5.07, 4.69, 4.48, 4.63]


def test_table_4_2_of_other_attacks_and_of_what_is_missing(measured):
    chance = {"oxford": 0.01, "paris": 0.02}
    swapped = make("4.2", measured, chance, attack="sd-pire", other="cv-pire")
    assert swapped["method"].tolist() == ["SD-PIRE", "CV-PIRE"]
    partly = make(
        "4.2", measured[(measured["attack"] != "sd-pire") | (measured["dataset"] == "paris")], chance, other="sd-pire"
    )
    assert partly["oxford mAP"].isna().tolist() == [False, True, True, True] and partly["paris mAP"].notna().all()
    with pytest.raises(InputError, match=r"attack 'pire'\): no iteration 100"):
        make("4.2", measured, chance, other="pire")
    with pytest.raises(InputError, match="no attack 'unknown'"):
        make("4.2", measured, chance, other="unknown")
    with pytest.raises(InputError, match="compares two attacks; the results have only 'cv-pire'"):
        make("4.2", measured[measured["attack"].isin(["original", "cv-pire"])], chance)
    with pytest.raises(InputError, match="random mAP: no dataset 'paris'"):
        make("4.2", measured, {"oxford": 0.01})


# --- Comparisons ------------------------------------------------------------------------------------------------------


def test_comparisons_say_what_differs(measured):
    table = make("comparisons", measured.sample(frac=1, random_state=4).sort_values("dataset"))
    assert table.groupby(["dataset", "measure", "unit"]).size().tolist() == [3] * 8
    assert set(table["units"][table["unit"] == "landmark"]) == {4} and set(table["units"]) == {4, 12}
    tests = table.set_index(["dataset", "measure", "unit", "first", "second"]).sort_index()
    for (dataset, measure, _, first, second), test in tests.iterrows():
        column, factor = {"mAP": ("ap", 100), "mSSIM": ("ssim", 1)}[measure]
        means = [
            select(measured, dataset=dataset, label=label, headline=True)[column].mean() for label in (first, second)
        ]
        assert test["difference"] == pytest.approx(factor * (means[0] - means[1]))
        assert test["low"] < test["difference"] < test["high"]
        assert test["sign-flip p"] <= test["Holm p"] <= 1
    # PIRE's photos are worse by construction, but four landmarks have only 16 sign patterns.
    assert all(tests.xs("mSSIM", level="measure").xs("landmark", level="unit")["verdict"] == "too few to tell (4)")
    quality = tests.xs("mSSIM", level="measure").xs("query", level="unit")["verdict"]
    for (_, first, second), verdict in quality.items():
        assert verdict == (f"{({first, second} - {'PIRE'}).pop()} higher" if "PIRE" in (first, second) else NONE)


NONE = "no difference shown at 5 %"


def test_order_of_the_rows_changes_no_test(measured):
    backwards = measured.sort_values("query", ascending=False, kind="stable")
    pd.testing.assert_frame_equal(make("comparisons", backwards), make("comparisons", measured))


def test_too_few_queries_for_so_many_tests_are_named(measured):
    six = measured[measured["query"] < "landmark_c"]
    # All six agree: p = 2 / 2^6, which would do for one test, and not for the smallest of three.
    verdicts = make("comparisons", six).set_index(["unit", "measure"])["verdict"].xs("query")
    assert set(verdicts) == {"too few to tell (6)"}
    two = make("comparisons", six[six["attack"] != "sd-pire"]).set_index(["unit", "measure"])["verdict"].xs("query")
    assert set(two["mSSIM"]) == {"CV-PIRE higher"} and set(two["mAP"]) == {NONE}


def test_landmarks_of_one_query_are_tested_once(measured):
    table = make("comparisons", measured.assign(landmark=measured["query"]))
    assert set(table["unit"]) == {"query"}
    only = make("comparisons", measured.assign(landmark="one"))
    assert set(only["verdict"][only["unit"] == "landmark"]) == {"too few to tell (1)"}


def test_each_multiplier_is_compared_with_the_first_attack(measured):
    table = make("4.2-comparisons", measured)
    assert set(table["first"]) == {"CV-PIRE, m = 50"}
    assert table["second"].head(3).tolist() == ["SD-PIRE, m = 50", "SD-PIRE, m = 49", "SD-PIRE, m = 48"]


def test_attacks_are_compared_where_both_ran_on_the_same_queries(measured):
    partly = make("comparisons", measured[(measured["attack"] != "pire") | (measured["dataset"] == "paris")])
    assert partly.groupby("dataset")["second"].agg(set).to_dict() == {
        "oxford": {"SD-PIRE"},
        "paris": {"SD-PIRE", "PIRE"},
    }
    lacking = measured[(measured["attack"] != "pire") | (measured["query"] != "landmark_b_000004")]
    with pytest.raises(InputError, match="only one of CV-PIRE and PIRE has 'landmark_b_000004'"):
        make("comparisons", lacking)
    alone = make("comparisons", measured[measured["attack"].isin(["original", "pire"])])
    assert alone.empty and "verdict" in alone


# --- Difficulties -----------------------------------------------------------------------------------------------------


def test_difficulties_of_the_revisited_benchmarks(results):
    graded = results.assign(ap_easy=results["ap"], ap_medium=results["ap"] / 2, ap_hard=results["ap"] / 4)
    ordinary = graded["dataset"] == "oxford"
    graded.loc[ordinary, ["ap_easy", "ap_medium", "ap_hard"]] = np.nan
    graded.loc[(graded["dataset"] == "paris") & (graded["query"] == "a"), "ap_easy"] = np.nan
    elsewhere = pd.DataFrame([row("oxford", "oxford-only", "a", 0.1, 0.9, 50, 100)])
    graded = pd.concat([graded, elsewhere], ignore_index=True)
    ordinary = graded["dataset"] == "oxford"
    expected = pd.DataFrame(
        {
            "method": ["Original", "CV-PIRE", "A-LATER"],
            "multiplier": [None, 50, 12.5],
            "iterations": [None, 100, 500],
            "paris easy mAP": [85.0, 10.0, 12.0],
            "paris medium mAP": [43.75, 4.75, 5.0],
            "paris hard mAP": [21.88, 2.38, 2.5],
        }
    )
    pd.testing.assert_frame_equal(make("difficulties", graded), expected, check_dtype=False)
    for without in (results.assign(ap_easy=np.nan, ap_medium=np.nan, ap_hard=np.nan), graded[ordinary]):
        with pytest.raises(InputError, match="no dataset has difficulties"):
            make("difficulties", without)


# --- Files ------------------------------------------------------------------------------------------------------------


def test_intervals_are_one_column_for_readers_and_two_for_machines(tmp_path):
    table = pd.DataFrame(
        {
            "measure": ["mAP", "mSSIM", "mAP"],
            "multiplier": [12.5, 50.0, 50.0],
            "difference": [1.2, -0.0002, -3.456],
            "low": [0.1, 0.012, float("nan")],
            "high": [2.0, 0.03, float("nan")],
            "Wilcoxon p": [0.04321, 0.000012, 1.0],
        }
    )
    csv, markdown, latex = (path.read_text(encoding="utf-8") for path in write_table(table, tmp_path / "t", "c"))
    assert csv.splitlines()[1:] == [
        "mAP,12.5,1.20,0.10,2.00,0.043",
        "mSSIM,50,0.000,0.012,0.030,1.2e-05",
        "mAP,50,-3.46,,,1",
    ]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines()[2:]]
    assert cells[0] == ["measure", "multiplier", "difference", "95 % interval", "Wilcoxon p"]
    assert [line[3] for line in cells[2:]] == ["0.10 to 2.00", "0.012 to 0.030", ""]
    assert r"mSSIM & 50 & 0.000 & 0.012 to 0.030 & 1.2e-05 \\" in latex and "lrrrr" in latex


# --- The table of all measurements ------------------------------------------------------------------------------------


def test_the_table_of_all_measurements_is_read_back(tmp_path):
    written = pd.DataFrame([row("demo", "original", "007", 1.0)]).reindex(columns=COLUMNS)
    written.to_csv(tmp_path / "queries.csv", index=False)
    assert read_results(tmp_path / "queries.csv")["query"].tolist() == ["007"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: "", "no column dataset"),
        (lambda text: text.replace("ap_sum", "sum"), "no column ap_sum"),
        (lambda text: text.replace("007", ""), "expected a query and an average precision"),
        (lambda text: text.replace("0.125", "1.125"), "expected a query and an average precision"),
        (lambda text: text.replace("0.125", "nan"), "expected a query and an average precision"),
        (lambda text: text.replace("0.125", "x"), "Unable to parse"),
        (lambda text: "a," * 10**6, "no column dataset"),
    ],
)
def test_a_table_of_something_else_is_named(tmp_path, change, fault):
    written = pd.DataFrame([row("demo", "original", "007", 0.125)]).reindex(columns=COLUMNS)
    (tmp_path / "queries.csv").write_text(change(written.to_csv(index=False)))
    with pytest.raises(InputError, match=rf"queries\.csv: not the table of `cvpire collect` \(.*{fault}"):
        read_results(tmp_path / "queries.csv")


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"queries\.csv: no such table; `cvpire collect` makes it"):
        read_results(tmp_path / "queries.csv")


# --- A new measure, a table by its name, the gate's records -----------------------------------------------------------


def test_a_new_measure_appears_in_the_tables_that_it_names(measured, monkeypatch, tmp_path):
    shown = {"confidence", "comparisons", "differences"}
    lpips = Measure("lpips", "LPIPS", "mean LPIPS", factor=10, decimals=1, better="low", shown=frozenset(shown))
    monkeypatch.setitem(MEASURES, "lpips", lpips)
    rows = measured[measured["multiplier"].isin([50]) | (measured["attack"] == "original")].assign(lpips=0.25)

    confidence = make("4.1-confidence", rows).set_index("measure").loc["mean LPIPS"]
    assert set(confidence["mean"]) == set(confidence["low (landmarks)"]) == {2.5}
    tests = make("comparisons", rows).set_index("measure").loc["mean LPIPS"]
    assert len(tests) == 2 * 2 and set(tests["difference"]) == {0.0}
    assert "LPIPS" not in " ".join(make("4.1", rows).columns)
    written, _, _ = write_table(make("differences", rows), tmp_path / "differences", "c")
    header, first, *_ = (line.split(",") for line in written.read_text().splitlines())
    assert first[header.index("mean LPIPS")] == "2.5" and first[header.index("CIEDE2000")] == "3.00"


def test_digits_are_those_of_what_a_column_names_last(tmp_path):
    names = ["mAP mSSIM", "mSSIM mAP (eq. 4.1)", "set hard mAP", "mAPs", "mAP by m", "up"]
    csv, *_ = write_table(pd.DataFrame([dict.fromkeys(names, 1.0)]), tmp_path / "t", "c")
    assert csv.read_text().splitlines()[1] == "1.000,1.00,1.00,1,1.00,1"


def test_a_table_is_made_and_written_by_its_name(measured, tmp_path):
    results = Results(tmp_path)
    (tmp_path / "tables").mkdir()
    for dataset, notes in (("oxford", ("left out 1 query (a_1)",)), ("paris", ())):
        (tmp_path / dataset).mkdir()
        write_listing(tmp_path / dataset / "dataset.json", Dataset({}, (), {}, notes))
    (tmp_path / "run.json").write_text(json.dumps(as_json(Run({"oxford": "folder", "paris": "folder"}, {}, {}, {}))))
    measured.assign(transformation="none").reindex(columns=COLUMNS).to_csv(
        tmp_path / "tables" / "queries.csv", index=False
    )
    pd.DataFrame({"dataset": ["oxford", "paris"], "ap": [0.01, 0.02]}).to_csv(tmp_path / "tables" / "random.csv")
    made, caption = make_table("4.2", results, TableOptions(attack="sd-pire"))
    paths = write_table(made, tmp_path / "tables" / "table-4.2", caption)
    assert [path.name for path in paths] == ["table-4.2.csv", "table-4.2.md", "table-4.2.tex"]
    expected = make("4.2", measured, {"oxford": 0.01, "paris": 0.02}, attack="sd-pire")
    expected, *_ = write_table(expected, tmp_path / "expected", "c")
    assert paths[0].read_text() == expected.read_text()
    # What was left out of the numbers stands where the numbers do.
    for path, name in ((paths[1], r"a\_1"), (paths[2], r"a\_1")):
        assert rf"{CATALOGUE['4.2'].caption} Dataset oxford: left out 1 query ({name})." in path.read_text()
    with pytest.raises(InputError, match=r"table 'x': there are 4\.1, 4\.1-confidence, "):
        make_table("x", results, TableOptions())


def test_records_of_the_gate_are_one_table(tmp_path):
    records = []
    for dataset, network in (("oxford5k", "resnet"), ("paris6k", "vgg")):
        path = tmp_path / dataset / "original" / "gate" / f"{network}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"measured": 88.1, "published": None, "verdict": "passed"}))
        records.append(path)
    table = gate_table(records)
    assert list(table.columns) == ["dataset", "network", "measured", "published", "verdict"]
    assert table[["dataset", "network"]].to_numpy().tolist() == [["oxford5k", "resnet"], ["paris6k", "vgg"]]
    for damaged in ("[1]", "{"):
        records[0].write_text(damaged)
        with pytest.raises(InputError, match=r"resnet\.json: not a record of `cvpire gate`"):
            gate_table(records)
