"""The published Oxford artefacts: image quality, variance maps and average precision, measured again."""

from pathlib import Path

import pytest
from cvpire.audit.artefacts import (
    MAP_LARGEST,
    MAP_PIXELS,
    audit_average_precision,
    audit_maps,
    audit_queries,
    published_methods,
)
from cvpire.audit.report import summarise
from cvpire.audit.texts import MEASURES

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "oxford-queries"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no published artefacts at {DATA}")
PHOTOS, PUBLISHED = DATA / "photos", DATA / "published"
METHODS = ["CV-PIRE", "SD-PIRE", "PIRE"]


def test_methods():
    assert published_methods(PUBLISHED) == METHODS


@pytest.mark.parametrize("method", METHODS)
def test_image_quality_of_every_query(method):
    table = audit_queries(PHOTOS, PUBLISHED, method, corrected=False)
    assert table.groupby("metric").size().to_dict() == dict.fromkeys(MEASURES, 55)
    assert table["difference"].notna().all()
    assert (table["difference"].abs() < 1e-9).all()
    # Table 4.1's mean SSIM is that of these files.
    summary = summarise(table, "oxford5k").set_index("metric")
    assert round(summary.loc["ssim", "recomputed"], 3) == summary.loc["ssim", "table"]


@pytest.mark.parametrize("method", ["CV-PIRE", "SD-PIRE"])
def test_every_variance_map(method):
    table = audit_maps(PHOTOS, PUBLISHED, method)
    values = table.pivot(index="photo", columns="metric", values="recomputed")
    assert len(values) == 19
    assert (values[MAP_PIXELS] <= 5).all()
    assert (values[MAP_LARGEST] <= 1).all()


@pytest.mark.parametrize("method", METHODS)
def test_mean_average_precision_of_table_4_1(method):
    table = audit_average_precision(PUBLISHED, method)
    assert len(table) == 55
    (row,) = summarise(table, "oxford5k").itertuples()
    assert round(row.published, 4) == row.table
