"""Figure of the audit: published image quality, measured again and corrected."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cvpire.figures.style import legend_below, style


@style()
def audit_figure(audit: pd.DataFrame) -> Figure:
    """Draw the published SSIM of each query against its recomputed and its corrected SSIM.

    Parameters
    ----------
    audit : DataFrame
        Of `cvpire.audit.artefacts.run_audit`; its rows of the metric ssim count.

    Returns
    -------
    Figure
        Markers tell methods apart; filled ones (recomputed) lie on the dashed diagonal where the published value is
        reproduced, hollow ones (corrected) show what SSIM's right data range makes of the same file.
    """
    rows = audit[(audit["metric"] == "ssim") & audit["published"].notna()]
    figure = Figure(figsize=(3.5, 3.2))
    axes = figure.subplots()
    handles = []
    for method, part in rows.groupby("method", sort=False):
        (line,) = axes.plot(part["published"], part["corrected"], linestyle="", markeredgewidth=0.7, label=method)
        marker, colour = line.get_marker(), line.get_color()
        # Small, since the values of all methods lie on one line.
        filled = {"markerfacecolor": colour, "markeredgewidth": 0, "markersize": 3}
        axes.plot(part["published"], part["recomputed"], linestyle="", marker=marker, color=colour, **filled)
        handles.append(line)
    look = {"linestyle": "", "color": "black", "marker": "o", "markeredgewidth": 0.7}
    handles += [
        Line2D([], [], markerfacecolor="black", markersize=3, label="recomputed as published", **look),
        Line2D([], [], label="corrected: data range 1", **look),
    ]
    diagonal = axes.axline((1, 1), slope=1, color="black", linestyle="--", linewidth=0.8, marker="", zorder=0)
    diagonal.set_label("equal to published")
    axes.set(xlabel="Published SSIM", ylabel="Measured SSIM")
    if rows.empty:
        axes.text(0.5, 0.5, "no published SSIM", transform=axes.transAxes, ha="center")
    legend_below(figure, [*handles, diagonal])
    return figure
