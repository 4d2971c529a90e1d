"""Tables of systems, transformations, reversed rankings and measures of quality."""

import itertools
from pkgutil import resolve_name

import numpy as np
import pandas as pd
import pytest
from cvpire.tables.catalogue import CATALOGUE
from cvpire.tables.formats import shown_cells
from cvpire.tables.statistics import mean_interval, sign_flip_test, signed_rank_test

from tests.unit.system_run import RANDOM, write_system_run

TRANSFORMATIONS = {"as saved": "none", "jpeg-50": "jpeg-50", "half": "half"}
METHODS = {"Saved without attack": "plain", "CV-PIRE": "cv-pire", "SD-PIRE": "sd-pire", "PIRE": "pire"}


def make(name, results):
    return resolve_name(f"cvpire.tables.{CATALOGUE[name].make}")(results, None)


def headline(results, **wanted):
    """Rows of one method, by a plain filter."""
    rows = results.measured
    rows = rows[rows["headline"] & rows["multiplier"].isin([np.nan, 50]) & rows["iteration"].isin([np.nan, 100])]
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    return rows.sort_values("query").set_index("query")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return write_system_run(tmp_path_factory.mktemp("run"), datasets=("town", "village"))


def test_transformations_has_the_mean_of_every_system_method_and_transformation(results):
    table = make("transformations", results)
    assert list(table.columns) == ["dataset", "system", "method", *(f"{name} mAP" for name in TRANSFORMATIONS)]
    keys = itertools.product(("town", "village"), ("net", "other", "sift"), (*METHODS, "Random"))
    assert list(table[["dataset", "system", "method"]].itertuples(index=False, name=None)) == list(keys)
    for row in table.to_dict("records"):
        for name, transformation in TRANSFORMATIONS.items():
            if row["method"] == "Random":
                assert row[f"{name} mAP"] == 100 * RANDOM["ap"]
                continue
            cells = headline(
                results,
                dataset=row["dataset"],
                victim=row["system"],
                attack=METHODS[row["method"]],
                transformation=transformation,
            )
            assert len(cells) == 12
            assert row[f"{name} mAP"] == round(100 * cells["ap"].mean(), 2)


def test_what_was_not_measured_is_an_empty_cell(tmp_path):
    rows = (one := write_system_run(tmp_path)).measured
    lost = (rows["attack"] == "pire") & (rows["victim"] == "sift") & (rows["transformation"] == "half")
    one.__dict__["measured"] = rows[~lost]
    table = make("transformations", one).set_index(["system", "method"])
    empty = table.drop(columns="dataset").isna()
    assert empty.loc[("sift", "PIRE"), "half mAP"] and empty.to_numpy().sum() == 1
    cells = shown_cells(table.reset_index())
    assert cells["half mAP"].tolist().count("") == 1


def test_a_dataset_without_transformations_is_not_in_their_tables(tmp_path):
    one = write_system_run(tmp_path, datasets=("town", "village"))
    one.__dict__["run"] = one.run._replace(transformations={"town": ("jpeg-50", "half"), "village": ()})
    for name in ("transformations", "transformations-confidence"):
        assert set(make(name, one)["dataset"]) == {"town"}
    one.__dict__["run"] = one.run._replace(victims={"town": ("net",), "village": ("net", "other", "sift")})
    assert set(make("systems", one)["dataset"]) == {"village"}


def test_drops_are_paired_and_have_intervals_over_landmarks(results):
    table = make("transformations-confidence", results).set_index(["dataset", "system", "transformation", "method"])
    assert len(table) == 2 * 3 * 3 * 4
    where = {"dataset": "village", "victim": "other", "transformation": "half"}
    clean, attacked = (headline(results, **where, attack=attack) for attack in ("plain", "sd-pire"))
    row = table.loc[("village", "other", "half", "SD-PIRE")]
    drop = clean["ap"] - attacked["ap"]
    assert row["mAP"] == round(100 * attacked["ap"].mean(), 2)
    assert row["clean mAP"] == round(100 * clean["ap"].mean(), 2)
    assert row["drop of mAP"] == round(100 * drop.mean(), 2)
    np.testing.assert_allclose(
        row[["low of mAP", "high of mAP"]].astype(float),
        mean_interval(100 * attacked["ap"], attacked["landmark"]),
        atol=0.0051,
    )
    np.testing.assert_allclose(
        row[["low of drop of mAP", "high of drop of mAP"]].astype(float),
        mean_interval(100 * drop, clean["landmark"]),
        atol=0.0051,
    )
    plain = table.xs("Saved without attack", level="method")
    assert plain["drop of mAP"].isna().all() and (plain["mAP"] == plain["clean mAP"]).all()
    assert "95 % interval of drop of mAP" in shown_cells(table.reset_index())


def test_systems_are_those_that_rank_the_saved_files(results):
    table = make("systems", results).set_index(["dataset", "method"])
    assert list(table.columns) == ["attacked", "net mAP", "other mAP", "sift mAP", "random mAP"]
    assert (table["random mAP"] == 4).all()
    for method, attack in {"Original": "original", **METHODS}.items():
        assert pd.isna(table.loc[("town", method), "attacked"]) == (attack in ("original", "plain"))
        for system in ("net", "other", "sift"):
            cells = headline(results, dataset="town", victim=system, attack=attack, transformation="none")
            assert table.loc[("town", method), f"{system} mAP"] == round(100 * cells["ap"].mean(), 2)
    assert set(table["attacked"].dropna()) == {"net"}
    long = make("systems-confidence", results).set_index(["dataset", "system", "method"])
    assert "transformation" not in long and len(long) == 2 * 3 * 5
    for system in ("net", "other", "sift"):
        for method in METHODS:
            assert long.loc[("town", system, method), "mAP"] == table.loc[("town", method), f"{system} mAP"]


def test_an_attack_that_stands_apart_is_in_no_table_of_systems(tmp_path):
    one = write_system_run(tmp_path)
    apart = one.run.attacks["pire"]._replace(compared=False)
    one.__dict__["run"] = one.run._replace(attacks=one.run.attacks | {"pire": apart})
    for name in ("transformations", "systems", "reversed"):
        assert set(make(name, one)["method"]) >= {"CV-PIRE", "SD-PIRE"} and "PIRE" not in set(make(name, one)["method"])
    assert "PIRE" not in make("quality", one)
    assert set(make("quality-order", one)["second"]) == {"SD-PIRE"}


def test_attacks_of_one_label_are_told_apart(tmp_path):
    table = make("systems", write_system_run(tmp_path, attacks={"one": "PIRE", "two": "PIRE"}))
    assert list(table["method"]) == ["Original", "Saved without attack", "PIRE (one)", "PIRE (two)"]


def test_reversed_rankings_stand_beside_random_ones(results):
    table = make("reversed", results).set_index(["dataset", "system", "method"])
    assert len(table) == 2 * 3 * 6
    for system in ("net", "sift"):
        cells = headline(results, dataset="village", victim=system, attack="pire", transformation="none")
        row = table.loc[("village", system, "PIRE")]
        assert row["mAP"] == round(100 * cells["ap"].mean(), 2)
        assert row["mAP (reversed)"] == round(100 * cells["ap_reversed"].mean(), 2)
        assert row["among the last ten"] == round(100 * cells["among_last"].mean(), 2)
        assert table.loc[("village", system, "Random")].tolist() == [4.0, 4.0, 30.0]


def test_quality_has_every_measure_that_was_measured_and_the_loss_against_plain_saving(results):
    table = make("quality", results).set_index(["dataset", "measure"])
    assert list(table.index) == [(name, measure) for name in ("town", "village") for measure in ("mSSIM", "CIEDE2000")]
    for method, attack in METHODS.items():
        for label, column, digits, worse in (("mSSIM", "ssim", 3, -1), ("CIEDE2000", "ciede2000", 2, 1)):
            where = {"dataset": "town", "victim": "net", "transformation": "none"}
            cells, plain = (headline(results, **where, attack=name)[column] for name in (attack, "plain"))
            assert table.loc[("town", label), method] == round(cells.mean(), digits)
            if attack != "plain":
                loss = round((worse * (cells - plain)).mean(), digits)
                assert table.loc[("town", label), f"loss of {method}"] == pytest.approx(loss, abs=1e-12)
                assert loss > 0
    assert list(shown_cells(table.reset_index())["CV-PIRE"].str.len()) == [5, 4, 5, 4], "each measure has its digits"


def test_a_file_that_loses_nothing_has_no_loss(tmp_path):
    one = write_system_run(tmp_path, attacks={"cv-pire": "CV-PIRE"})
    rows = one.measured.assign(psnr=np.inf)
    one.__dict__["measured"] = rows
    table = make("quality", one).set_index("measure")
    assert table.loc["PSNR", "CV-PIRE"] == np.inf and table.loc["PSNR", "loss of CV-PIRE"] == 0


def test_order_of_attacks_is_tested_over_landmarks(results):
    table = make("quality-order", results).set_index(["dataset", "first", "second", "measure"])
    assert len(table) == 2 * 3 * 2
    where = {"dataset": "town", "victim": "net", "transformation": "none"}
    one, two = (headline(results, **where, attack=attack) for attack in ("cv-pire", "pire"))
    nearer, landmark = two["ciede2000"] - one["ciede2000"], one["landmark"]
    row = table.loc[("town", "CV-PIRE", "PIRE", "CIEDE2000")]
    assert row["mean of first"] == round(one["ciede2000"].mean(), 2)
    assert row["mean of second"] == round(two["ciede2000"].mean(), 2)
    assert (row["better"], row["as by SSIM"]) == ("CV-PIRE", "yes")
    assert row["share with first better (%)"] == round(100 * (nearer > 0).mean(), 1)
    assert row["sign-flip p"] == sign_flip_test(nearer, landmark)
    assert row["Wilcoxon p"] == signed_rank_test(nearer, landmark)
    assert row["Holm p"] >= row["sign-flip p"]


def test_a_measure_that_disagrees_with_ssim_says_so(tmp_path):
    one = write_system_run(tmp_path)
    rows = one.measured
    colourful = rows["attack"] == "cv-pire"
    one.__dict__["measured"] = rows.assign(ciede2000=rows["ciede2000"].mask(colourful, 9.0), psnr=30.0)
    table = make("quality-order", one).set_index(["first", "second", "measure"])
    disagreeing = table.loc[("CV-PIRE", "SD-PIRE", "CIEDE2000")]
    assert (disagreeing["better"], disagreeing["as by SSIM"]) == ("SD-PIRE", "no")
    assert disagreeing["share with first better (%)"] == 0
    equal = table.loc[("CV-PIRE", "SD-PIRE", "PSNR")]
    assert (equal["better"], equal["as by SSIM"], equal["sign-flip p"]) == ("equal", "no", 1)
    one.__dict__["measured"] = one.measured.assign(ssim=np.nan)
    assert make("quality-order", one)["as by SSIM"].isna().all(), "SSIM was not measured"
