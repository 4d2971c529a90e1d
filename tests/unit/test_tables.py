"""Table 4.1 from the tidy table of all measurements, and tables as files."""

import pandas as pd
import pytest
from cvpire.errors import InputError
from cvpire.tables.differences import differences_table
from cvpire.tables.formats import write_table
from cvpire.tables.performance import performance_table
from cvpire.tables.selection import by_query, own_victim, select


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
    assert table.drop(columns=["paris mAP", "paris mSSIM"]).equals(everywhere.drop(columns=["paris mAP", "paris mSSIM"]))


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
