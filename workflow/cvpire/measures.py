"""What is measured of a query, once: its column in queries.csv, and how tables, figures and the overview show it."""

from typing import Literal, NamedTuple, get_args

from cvpire.datasets import Difficulty


class Measure(NamedTuple):
    """Something that is measured of every query."""

    column: str
    """Of queries.csv."""
    name: str
    """Of one query's value."""
    label: str
    """Of the mean over queries."""
    unit: str = ""
    """Of what is shown; the file has `factor` times less."""
    factor: float = 1
    decimals: int = 3
    """Of what is shown."""
    better: Literal["high", "low"] = "high"
    """Which photo is nearer to its original, or which ranking is right."""
    unchanged: float | None = None
    """Value of a photo that is its own original; None where image quality is not what is measured."""
    function: str = ""
    """`module:function` of `cvpire.quality` that measures it."""
    by_default: bool = True
    """Whether it is measured where the configuration (`quality.measures`) does not say."""
    shown: frozenset[str] = frozenset()
    """Tables of ours that show it (`confidence`, `comparisons`, `differences`), `overview`, and `colour`: measures that
    see colour, and SSIM to compare them with."""

    @property
    def axis(self) -> str:
        """Label with unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


_TEXT_AND_CODE = frozenset({"confidence", "differences"})
_EVERYDAY = frozenset({"comparisons", "overview"})
_COLOUR = frozenset({"colour"})


def _map(column: str, label: str, shown: frozenset[str] = frozenset(), **more) -> Measure:
    return Measure(column, label.replace("mAP", "AP"), label, unit="%", factor=100, decimals=2, shown=shown, **more)


def _quality(column: str, name: str, label: str, unchanged: float, **more) -> Measure:
    return Measure(column, name, label, unchanged=unchanged, **more)


def _chosen(column: str, name: str, unchanged: float, function: str, **more) -> Measure:
    """A measure that takes long, or that small photos do not have."""
    return _quality(column, name, name, unchanged, function=function, by_default=False, shown=_COLOUR, **more)


RETRIEVAL = (
    _map("ap", "mAP", _EVERYDAY),
    _map("ap_sum", "mAP (eq. 4.1)", _TEXT_AND_CODE),
    _map("ap_trapezoid", "mAP (trapezoid)", _TEXT_AND_CODE),
)
"""Average precision: in the form that the configuration names, and in both."""

REVERSED = (
    _map("ap_reversed", "mAP (reversed)", better="low"),
    _map("among_last", "among the last ten", better="low"),
)
"""Of the reversed ranking (section 3.3.2): average precision in the configured form, and whether a relevant photo is
among the last ten."""

QUALITY = (
    _quality("ssim", "SSIM", "mSSIM", 1.0, function="structural:ssim", shown=_EVERYDAY | _COLOUR),
    _quality(
        "ssim_range_1", "SSIM (range 1)", "mSSIM (range 1)", 1.0, function="structural:range_1", shown=_TEXT_AND_CODE
    ),
    _quality(
        "ssim_range_2", "SSIM (range 2)", "mSSIM (range 2)", 1.0, function="structural:range_2", shown=_TEXT_AND_CODE
    ),
    _quality("mse", "MSE", "MSE", 0.0, better="low", decimals=5, function="pixels:mse"),
    _quality("nrmse", "NRMSE", "NRMSE", 0.0, better="low", function="pixels:nrmse"),
    _quality("psnr", "PSNR", "PSNR", float("inf"), unit="dB", decimals=2, function="pixels:psnr"),
    _quality(
        "ciede2000",
        "CIEDE2000",
        "CIEDE2000",
        0.0,
        better="low",
        decimals=2,
        function="pixels:mean_ciede2000",
        shown=frozenset({"differences"}) | _COLOUR,
    ),
    _quality(
        "ciede2000_p95",
        "CIEDE2000 (95 %)",
        "CIEDE2000 (95th percentile)",
        0.0,
        better="low",
        decimals=2,
        function="pixels:p95_ciede2000",
    ),
    _chosen("ssimulacra2", "SSIMULACRA2", 100.0, "ssimulacra:ssimulacra2", decimals=1),
    _chosen("vsi", "VSI", 1.0, "perceptual:vsi", decimals=4),
    _chosen("mdsi", "MDSI", 0.0, "perceptual:mdsi", better="low"),
    _chosen("fsimc", "FSIMc", 1.0, "perceptual:fsimc", decimals=4),
    _chosen("haarpsi", "HaarPSI", 1.0, "perceptual:haarpsi"),
)
"""Image quality against the original (section 4.1.2, appendix A.1), and measures that see colour (section 5.2.4).

Left out: PSNR-HVS-M, whose package psnr-hvsm says MIT in its metadata and GPL 3 in its licence; FLIP, which needs the
distance from which a screen is seen; LPIPS, whose trunk is a download.
"""

DIFFICULTIES = tuple(_map(f"ap_{difficulty}", f"{difficulty} mAP") for difficulty in get_args(Difficulty))
"""Average precision by the difficulty of the revisited ground truth; empty for others."""

MEASURES = {measure.column: measure for measure in (*RETRIEVAL, *REVERSED, *QUALITY, *DIFFICULTIES)}
"""By column."""


def shown_in(place: str) -> tuple[Measure, ...]:
    """Measures that a table of ours or the overview shows."""
    return tuple(measure for measure in MEASURES.values() if place in measure.shown)
