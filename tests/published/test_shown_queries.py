"""Which photos the thesis's figures show, told by the AP and SSIM of their captions among the published files."""

from pathlib import Path

import pytest
import yaml
from cvpire.audit.texts import read_average_precision, read_quality

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT.parent / "shared" / "data" / "oxford-queries" / "published"
pytestmark = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"no published artefacts at {PUBLISHED}")

CAPTIONS = {
    "3.2": {"PIRE": ("1.63", "0.775"), "CV-PIRE": ("0.465", "0.883")},
    "4.8": {"CV-PIRE": ("11.2", "0.933"), "SD-PIRE": ("12.3", "0.927")},
    # The caption prints 5.7 and 4.5, which no photo of this SSIM has; the SSIM alone would do.
    "4.9": {"CV-PIRE": ("0.57", "0.89"), "SD-PIRE": ("0.45", "0.87")},
}
"""AP in percent and SSIM as printed, by figure and method."""


def fits(value: float, printed: str) -> bool:
    """Whether a number rounds to what is printed."""
    return f"{value:.{len(printed.partition('.')[2])}f}" == printed


@pytest.mark.parametrize("figure", CAPTIONS)
def test_one_photo_has_the_numbers_of_the_caption_and_the_configuration_names_it(figure):
    found = None
    for method, (ap, ssim) in CAPTIONS[figure].items():
        (file,) = (PUBLISHED / method).glob("map_score_img_output_T*.txt")
        precision, quality = (
            read_average_precision(file),
            read_quality(PUBLISHED / method / "imageQualityComparison.txt"),
        )
        fitting = {
            photo for photo in quality if fits(100 * precision[photo], ap) and fits(quality[photo]["ssim"], ssim)
        }
        found = fitting if found is None else found & fitting
    config = yaml.safe_load((ROOT / "config" / "thesis.yaml").read_text(encoding="utf-8"))
    assert found == {config["figures"][figure]["query"]}


def test_the_average_precision_printed_in_figure_4_9_is_of_no_photo():
    for method, printed, ssim in (("CV-PIRE", "5.7", "0.89"), ("SD-PIRE", "4.5", "0.87")):
        (file,) = (PUBLISHED / method).glob("map_score_img_output_T*.txt")
        quality = read_quality(PUBLISHED / method / "imageQualityComparison.txt")
        precision = read_average_precision(file)
        assert not any(
            fits(100 * precision[photo], printed) and fits(quality[photo]["ssim"], ssim) for photo in precision
        )
