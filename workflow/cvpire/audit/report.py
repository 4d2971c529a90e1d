"""What comes of an audit: a table of all numbers, a summary beside Table 4.1, and a figure."""

from pathlib import Path

import pandas as pd

from cvpire.audit.artefacts import PLAIN, run_audit
from cvpire.audit.colour import compare_colour
from cvpire.figures import tabular
from cvpire.files import write_csv
from cvpire.progress import progress
from cvpire.tables.thesis_numbers import printed_in_table_4_1

_COLUMNS = {"ap": "ap_trapezoid", "ssim": "ssim_range_2"}
"""Of queries.csv: how the published numbers were measured, by metric."""


def write_audit(
    photos: str | Path,
    published: str | Path,
    out: str | Path,
    dataset: str | None = None,
    summary: str | Path | None = None,
    figure: str | Path | None = None,
    colour: str | Path | None = None,
) -> None:
    """Measure all published artefacts of a dataset again, and write what comes of it.

    Parameters
    ----------
    photos, published : str or Path
        Folders of the original photos and of the artefacts; see `run_audit`, whose errors these are.
    out : str or Path
        CSV, one row a photo and metric.
    dataset : str, optional
        The thesis's dataset, whose numbers of Table 4.1 the summary shows.
    summary : str or Path, optional
        Summary as CSV, Markdown and LaTeX, without suffix.
    figure : str or Path, optional
        Figure of published and recomputed SSIM as SVG, PNG and PDF, without suffix.
    colour : str or Path, optional
        Methods compared by measures that see colour, in the forms of the summary, without suffix. `out` and `summary`
        then have these measures too, which take most of the time.
    """
    with progress("audit") as show:
        audit = run_audit(photos, published, show, colour=colour is not None)
    write_csv(out, audit)
    if summary is not None:
        caption = "Published artefacts, recomputed, and with the corrected SSIM."
        tabular.write(summarise(audit, dataset), summary, caption)
    if colour is not None:
        caption = f"Published methods by what they lose against plain JPEG ({PLAIN}), in measures that see colour."
        tabular.write(compare_colour(audit), colour, caption)
    if figure is not None:
        from cvpire.figures.audit import audit_figure
        from cvpire.figures.style import save

        save(audit_figure(audit), figure)


def summarise(audit: pd.DataFrame, dataset: str | None = None) -> pd.DataFrame:
    """Summarise an audit by method and metric.

    Parameters
    ----------
    audit : pandas.DataFrame
        Of `run_audit`.
    dataset : str, optional
        The thesis's dataset, oxford5k or paris6k, whose numbers of Table 4.1 stand beside the means.

    Returns
    -------
    pandas.DataFrame
        Columns method, metric, photos, published, recomputed and corrected (means), largest_difference (absolute) and
        table (Table 4.1's mean SSIM and mAP, the latter as a share of 1).
    """
    rows = [
        {
            "method": method,
            "metric": metric,
            "photos": part["photo"].nunique(),
            "published": part["published"].mean(),
            "recomputed": part["recomputed"].mean(),
            "largest_difference": part["difference"].abs().max(),
            "corrected": part["corrected"].mean(),
            "table": printed_in_table_4_1(dataset, _COLUMNS.get(metric, metric), method),
        }
        for (method, metric), part in audit.groupby(["method", "metric"], sort=False)
    ]
    return pd.DataFrame(rows)
