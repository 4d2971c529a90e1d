"""Tables from the tidy table of all measurements, and tables as files."""

import numpy as np
import pandas as pd
import pytest
from cvpire.audit import TABLE_4_1
from cvpire.errors import InputError
from cvpire.tables.collection import COLUMNS, read_results
from cvpire.tables.comparisons import comparisons_table
from cvpire.tables.differences import differences_table
from cvpire.tables.difficulties import difficulties_table
from cvpire.tables.formats import write_table
from cvpire.tables.performance import performance_confidence, performance_table
from cvpire.tables.selection import by_query, own_victim, select, with_landmarks
from cvpire.tables.statistics import mean_interval
from cvpire.tables.thesis_numbers import printed
from cvpire.tables.thresholds import thresholds_comparisons, thresholds_confidence, thresholds_table


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
    pd.testing.assert_frame_equal(performance_table(results), expected, check_dtype=False)


def test_order_of_the_rows_changes_no_number(results):
    table = performance_table(results)
    shuffled = performance_table(results.sample(frac=1, random_state=3))
    aligned = shuffled.set_index("method").loc[table["method"], table.columns[1:]].reset_index()
    assert shuffled["method"].iloc[0] == "Original"
    pd.testing.assert_frame_equal(aligned, table)


def test_results_may_come_from_memory_or_from_a_file(results, tmp_path):
    results.to_csv(tmp_path / "queries.csv", index=False)
    read = performance_table(pd.read_csv(tmp_path / "queries.csv"))
    nullable = performance_table(results.astype({"multiplier": "Float64", "iteration": "Int64"}))
    pd.testing.assert_frame_equal(read, performance_table(results))
    pd.testing.assert_frame_equal(nullable, performance_table(results))


def test_each_attacked_network_has_its_own_originals(results):
    more = [
        row(dataset, "cv-other", query, 0.02, 0.9, 50, 100, victim="other", network="other", label="CV-PIRE")
        for dataset in ("oxford", "paris")
        for query in "ab"
    ]
    more += [row("oxford", "original", "b", 0.5, victim="other")]
    more += [row("paris", "original", query, 0.4, victim="other") for query in "ab"]
    table = performance_table(pd.concat([results, pd.DataFrame(more)])).set_index("method")
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
    everywhere = performance_table(results).set_index("method")
    table = performance_table(results[(results["attack"] != "a-later") | (results["dataset"] != "paris")])
    table = table.set_index("method")
    assert table.loc["A-LATER", ["paris mAP", "paris mSSIM"]].isna().all()
    assert table.drop(columns=["paris mAP", "paris mSSIM"]).equals(
        everywhere.drop(columns=["paris mAP", "paris mSSIM"])
    )


def test_unattacked_queries_missing_for_a_dataset_are_named(results):
    lacking = results[(results["attack"] != "original") | (results["dataset"] != "paris")]
    with pytest.raises(InputError, match="dataset 'paris' has no unattacked queries ranked by 'net'"):
        performance_table(lacking)


def test_an_attack_that_its_own_network_never_ranked_is_named(results):
    results.loc[results["attack"] == "cv-pire", "victim"] = "other"
    with pytest.raises(InputError, match="'cv-pire' is not ranked by its own network 'net'"):
        performance_table(results)
    with pytest.raises(InputError, match="no attacked queries"):
        performance_table(results[results["attack"] == "original"])


def test_a_query_missing_at_one_point_is_named(results):
    chosen = select(own_victim(results), dataset="oxford", attack="cv-pire")
    with pytest.raises(InputError, match="query 'b' has no ap at iteration 10"):
        by_query(chosen[chosen["multiplier"] == 50], "iteration", "ap")


def test_formats_agree(results, tmp_path):
    table = performance_table(results)
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
    table = performance_table(results.replace({"CV-PIRE": "A_1 | 50 % & $x^2$ \\ {~}"}))
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
    table = differences_table(both_forms(pd.concat([oxford, pd.DataFrame(longer)], ignore_index=True)))
    table = table.set_index("attack")
    assert table["iterations"].dropna().tolist() == [100, 100]
    assert table.loc["original", "mAP (eq. 4.1)"] == 75.0
    assert table.loc["cv-pire", "mAP (eq. 4.1)"] == 5.57
    assert table.loc["a-later", ["mAP (eq. 4.1)", "mAP (trapezoid)"]].tolist() == [30.0, 15.0]
    assert table.loc["a-later", ["mSSIM (range 1)", "mSSIM (range 2)", "CIEDE2000"]].tolist() == [0.3, 0.6, 3.0]


def test_differences_need_an_iteration_in_common(results):
    with pytest.raises(InputError, match="no iteration in common"):
        differences_table(both_forms(results))


# --- Confidence intervals, and the thesis's numbers -------------------------------------------------------------------

METHODS = {"cv-pire": (50,), "sd-pire": (48, 49, 50), "pire": (10,)}


@pytest.fixture(scope="module")
def measured():
    """Two datasets, twelve queries to four landmarks, three attacks after the thesis's iterations."""
    generator = np.random.default_rng(3)
    rows = []
    for dataset in ("oxford", "paris"):
        for number in range(12):
            query = f"landmark_{'abcd'[number // 3]}_{number:06d}"
            rows.append(row(dataset, "original", query, generator.uniform(0.5, 1)))
            for attack, multipliers in METHODS.items():
                for multiplier in multipliers:
                    steps = 500 if attack == "pire" else 100
                    headline = multiplier == multipliers[-1]
                    ap, ssim = generator.uniform(0, 0.2), generator.uniform(0.85, 0.95) - 0.1 * (attack == "pire")
                    rows.append(row(dataset, attack, query, ap, ssim, multiplier, steps, headline))
                rows.append(row(dataset, attack, query, 0.9, 0.1, multiplier, 10, headline=False))
    return both_forms(pd.DataFrame(rows))


def test_confidence_holds_the_numbers_of_table_4_1_and_their_intervals(measured):
    table = performance_confidence(measured.sample(frac=1, random_state=2).sort_values(["dataset", "attack"]))
    assert len(table) == 2 * 4 * 4 and "thesis" not in table
    wide = performance_table(measured).set_index("method")
    means = table.set_index(["dataset", "method", "measure"])
    for dataset, method in ((dataset, method) for dataset in ("oxford", "paris") for method in wide.index):
        assert means.loc[(dataset, method, "mAP (eq. 4.1)"), "mean"] == wide.loc[method, f"{dataset} mAP"]
        assert means.loc[(dataset, method, "mSSIM (range 2)"), "mean"] == wide.loc[method, f"{dataset} mSSIM"]
    one = select(measured, dataset="paris", attack="pire", headline=True).sort_values("query")
    landmark = one["query"].str[:10]
    expected = [*mean_interval(50 * one["ap"]), *mean_interval(50 * one["ap"], landmark)]
    columns = ["low (queries)", "high (queries)", "low (landmarks)", "high (landmarks)"]
    np.testing.assert_allclose(means.loc[("paris", "PIRE", "mAP (trapezoid)"), columns].tolist(), expected, atol=0.0051)


def test_landmarks_may_be_given_by_a_column_or_by_hand(measured):
    column = measured.assign(landmark="all").groupby("query", group_keys=False).head(3)
    assert performance_confidence(column)["low (landmarks)"].isna().all()
    by_hand = performance_confidence(measured, groups={query: query for query in measured["query"]})
    np.testing.assert_array_equal(by_hand["low (landmarks)"], by_hand["low (queries)"])
    with pytest.raises(InputError, match="the query 'landmark_a_000000' has none"):
        performance_confidence(measured, groups={})
    guessed = with_landmarks(pd.DataFrame({"query": ["all_souls_000013", "coffee-query-1", "100302", "cat"]}))
    assert guessed["landmark"].tolist() == ["all_souls", "coffee-query", "100302", "cat"]


def test_the_thesis_stands_beside_like_numbers_of_its_datasets_only(measured):
    table = performance_confidence(measured, {"paris": "paris6k"})
    given = table.dropna(subset="thesis").set_index(["dataset", "method", "measure"])
    assert list(given.index) == [
        ("paris", method, measure)
        for method in ("Original", "CV-PIRE", "SD-PIRE", "PIRE")
        for measure in ("mAP (trapezoid)", "mSSIM (range 2)")
    ]
    assert given["thesis"].tolist() == [87.26, 1.0, 8.90, 0.911, 8.70, 0.904, 9.12, 0.783]
    np.testing.assert_allclose(given["difference"], given["mean"] - given["thesis"], atol=1e-9)
    longer = performance_confidence(measured.assign(iteration=measured["iteration"] * 2), {"paris": "paris6k"})
    assert set(longer.dropna(subset="thesis")["method"]) == {"Original"}
    with pytest.raises(InputError, match="dataset 'paris': expected one of oxford5k, paris6k, found 'demo'"):
        performance_confidence(measured, {"paris": "demo"})


def test_printed_numbers_are_those_of_the_audit_and_of_table_4_2():
    for dataset, methods in TABLE_4_1.items():
        for method, values in methods.items():
            settings = {"CV-PIRE": (50, 100), "SD-PIRE": (50, 100), "PIRE": (10, 500)}[method]
            assert printed(dataset, "mAP (trapezoid)", method, *settings) == pytest.approx(100 * values["ap"])
            assert printed(dataset, "mSSIM (range 2)", method, *settings) == values["ssim"]
    oxford = [printed("oxford5k", "mAP (trapezoid)", "SD-PIRE", float(m), 100) for m in range(50, 41, -1)]
    assert oxford == [4.69, 4.48, 4.63, 4.72, 4.82, 4.84, 5.28, 5.33, 5.90]
    paris = [printed("paris6k", "mSSIM (range 2)", "SD-PIRE", float(m), 100) for m in range(50, 41, -1)]
    assert paris == [0.904, 0.906, 0.908, 0.910, 0.911, 0.913, 0.915, 0.917, 0.920]
    assert np.isnan(printed("oxford5k", "mAP (eq. 4.1)", "CV-PIRE", 50, 100))
    assert np.isnan(printed(None, "mAP (trapezoid)", "CV-PIRE", 50, 100))


# --- Table 4.2 --------------------------------------------------------------------------------------------------------


def test_table_4_2_sets_one_attack_beside_the_multipliers_of_another(measured):
    table = thresholds_table(measured, {"oxford": 0.0111, "paris": 0.0269})
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
    first = performance_table(measured).set_index("method").loc["CV-PIRE", ["oxford mAP", "paris mSSIM"]]
    assert table.loc[0, ["oxford mAP", "paris mSSIM"]].tolist() == first.tolist()
    confidence = thresholds_confidence(measured, {"oxford": "oxford5k"})
    shown = confidence[(confidence["measure"] == "mAP (trapezoid)") & (confidence["dataset"] == "oxford")]
    assert shown["thesis"].tolist() == [5.07, 4.69, 4.48, 4.63]


def test_table_4_2_of_other_attacks_and_of_what_is_missing(measured):
    chance = {"oxford": 0.01, "paris": 0.02}
    swapped = thresholds_table(measured, chance, "sd-pire", "cv-pire")
    assert swapped["method"].tolist() == ["SD-PIRE", "CV-PIRE"]
    partly = thresholds_table(
        measured[(measured["attack"] != "sd-pire") | (measured["dataset"] == "paris")], chance, other="sd-pire"
    )
    assert partly["oxford mAP"].isna().tolist() == [False, True, True, True] and partly["paris mAP"].notna().all()
    with pytest.raises(InputError, match=r"attack 'pire'\): no iteration 100"):
        thresholds_table(measured, chance, other="pire")
    with pytest.raises(InputError, match="no attack 'unknown'"):
        thresholds_table(measured, chance, other="unknown")
    with pytest.raises(InputError, match="compares two attacks; the results have only 'cv-pire'"):
        thresholds_table(measured[measured["attack"].isin(["original", "cv-pire"])], chance)
    with pytest.raises(InputError, match="random mAP: no dataset 'paris'"):
        thresholds_table(measured, {"oxford": 0.01})


# --- Comparisons ------------------------------------------------------------------------------------------------------


def test_comparisons_say_what_differs(measured):
    table = comparisons_table(measured.sample(frac=1, random_state=4).sort_values("dataset"))
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
    pd.testing.assert_frame_equal(comparisons_table(backwards), comparisons_table(measured))


def test_too_few_queries_for_so_many_tests_are_named(measured):
    six = measured[measured["query"] < "landmark_c"]
    # All six agree: p = 2 / 2^6, which would do for one test, and not for the smallest of three.
    verdicts = comparisons_table(six).set_index(["unit", "measure"])["verdict"].xs("query")
    assert set(verdicts) == {"too few to tell (6)"}
    two = comparisons_table(six[six["attack"] != "sd-pire"]).set_index(["unit", "measure"])["verdict"].xs("query")
    assert set(two["mSSIM"]) == {"CV-PIRE higher"} and set(two["mAP"]) == {NONE}


def test_landmarks_of_one_query_are_tested_once(measured):
    table = comparisons_table(measured, {query: query for query in measured["query"]})
    assert set(table["unit"]) == {"query"}
    only = comparisons_table(measured.assign(landmark="one"))
    assert set(only["verdict"][only["unit"] == "landmark"]) == {"too few to tell (1)"}


def test_each_multiplier_is_compared_with_the_first_attack(measured):
    table = thresholds_comparisons(measured)
    assert set(table["first"]) == {"CV-PIRE, m = 50"}
    assert table["second"].head(3).tolist() == ["SD-PIRE, m = 50", "SD-PIRE, m = 49", "SD-PIRE, m = 48"]


def test_attacks_are_compared_where_both_ran_on_the_same_queries(measured):
    partly = comparisons_table(measured[(measured["attack"] != "pire") | (measured["dataset"] == "paris")])
    assert partly.groupby("dataset")["second"].agg(set).to_dict() == {
        "oxford": {"SD-PIRE"},
        "paris": {"SD-PIRE", "PIRE"},
    }
    lacking = measured[(measured["attack"] != "pire") | (measured["query"] != "landmark_b_000004")]
    with pytest.raises(InputError, match="only one of CV-PIRE and PIRE has 'landmark_b_000004'"):
        comparisons_table(lacking)
    alone = comparisons_table(measured[measured["attack"].isin(["original", "pire"])])
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
    pd.testing.assert_frame_equal(difficulties_table(graded), expected, check_dtype=False)
    for without in (results, graded[ordinary]):
        with pytest.raises(InputError, match="no dataset has difficulties"):
            difficulties_table(without)


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
