"""One page to open after a run: configuration, tables, figures, and every query before and after, in a single file."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from PIL import Image

LONGEST_SIDE = 512
"""Photos of the page are reduced to this many pixels; the files under results/ are what was measured."""

LONG_TABLE = 12
"""Tables of more rows are folded."""


class Shot(NamedTuple):
    """A query under one attack, or under none."""

    label: str
    pixels: np.ndarray
    """uint8, shape (H, W, 3)."""
    ap: float
    ssim: float
    top: Sequence[str]
    """Names of the best results."""
    difficulties: Mapping[str, float] = {}
    """Average precision by the difficulty of the revisited ground truth, where there is one."""


class Case(NamedTuple):
    """A query under all attacks; the first shot is the unattacked photo."""

    dataset: str
    query: str
    relevant: frozenset[str]
    shots: Sequence[Shot]


def overview(
    title: str,
    facts: Mapping[str, str],
    configuration: str,
    stages: Sequence[tuple[str, int, float]],
    tables: Mapping[str, tuple[str, Sequence[Sequence[str]]]],
    figures: Mapping[str, tuple[str, bytes]],
    cases: Iterable[Case],
) -> str:
    """Lay out the page.

    Parameters
    ----------
    title : str
    facts : mapping
        Versions, device and the like, by name.
    configuration : str
        As YAML.
    stages : sequence of (rule, jobs, seconds)
        How long the jobs of each rule took together.
    tables : mapping
        By name: caption, and rows of cells, the first of which is the head.
    figures : mapping
        By number: caption, and PNG.
    cases : iterable of Case

    Returns
    -------
    str
        HTML that needs no other file and no network.
    """
    parts = [
        f"<section><h2>Run</h2>{_definitions(facts)}"
        f"<details><summary>Configuration</summary><pre>{escape(configuration)}</pre></details>"
        f"<details><summary>Time per stage</summary>{_stages(stages)}</details></section>",
        "<section><h2>Tables</h2>",
        *(
            f'<h3 id="table-{escape(name)}">Table {escape(name)}</h3><p>{escape(caption)}</p>{_table(rows)}'
            for name, (caption, rows) in tables.items()
        ),
        "</section><section><h2>Figures</h2>",
        *(
            f'<figure id="figure-{escape(number)}"><img loading="lazy" src="{_data("png", png)}" '
            f'alt="Figure {escape(number)}"><figcaption><b>Figure {escape(number)}.</b> {escape(caption)}</figcaption>'
            "</figure>"
            for number, (caption, png) in figures.items()
        ),
        "</section><section><h2>Queries</h2><p>Drag the handle: left of it is the unattacked photo, right of it the "
        "adversarial one. AP: average precision in percent. Results in <b>bold</b> are right.</p>",
        *(_case(case) for case in cases),
        "</section>",
    ]
    return _PAGE.replace("TITLE", escape(title)).replace("BODY", "\n".join(parts))


def _definitions(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts.items())
    return f'<table class="facts">{rows}</table>'


def _stages(stages: Sequence[tuple[str, int, float]]) -> str:
    rows = [["stage", "jobs", "seconds in all", "seconds a job"]]
    rows += [[rule, str(jobs), f"{seconds:.1f}", f"{seconds / jobs:.2f}"] for rule, jobs, seconds in stages]
    return _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in body)
    titles = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    table = f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>'
    return table if len(body) <= LONG_TABLE else f"<details><summary>{len(body)} rows</summary>{table}</details>"


def _case(case: Case) -> str:
    original, *adversarial = case.shots
    before = _photo(original.pixels)
    sliders = "".join(
        f'<div class="shot"><div class="compare"><img src="{_photo(shot.pixels)}" alt="{escape(shot.label)}">'
        f'<img class="before" src="{before}" alt="unattacked"><div class="line"></div>'
        f'<input type="range" min="0" max="100" value="50" aria-label="unattacked and {escape(shot.label)}"></div>'
        f"<p><b>{escape(shot.label)}</b> {_scores(shot)}, SSIM {shot.ssim:.3f}<br>{_results(shot, case)}</p>"
        "</div>"
        for shot in adversarial
    )
    return (
        f"<article><h3>{escape(case.query)} <small>{escape(case.dataset)}</small></h3><p>Unattacked: "
        f'{_scores(original)}. {_results(original, case)}</p><div class="shots">{sliders}</div></article>'
    )


def _scores(shot: Shot) -> str:
    each = ", ".join(f"{name} {100 * value:.3g}" for name, value in shot.difficulties.items())
    return f"AP {100 * shot.ap:.3g}" + (f" ({each})" if each else "")


def _results(shot: Shot, case: Case) -> str:
    names = (f"<b>{escape(name)}</b>" if name in case.relevant else escape(name) for name in shot.top)
    return f"Results: {', '.join(names)}"


def _photo(pixels: np.ndarray) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "jpeg", quality=90, subsampling="4:4:4")
    return _data("jpeg", data.getvalue())


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; color: #222; }
h1 { font-size: 1.6rem; } h2 { border-bottom: 1px solid #bbb; margin-top: 2.5rem; } h3 { margin-bottom: .3rem; }
small { color: #666; font-weight: normal; } pre { background: #f5f5f5; padding: .8rem; overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; } .scroll { overflow-x: auto; }
th, td { padding: .2rem .6rem; text-align: left; border-bottom: 1px solid #ddd; white-space: nowrap; }
thead th { white-space: normal; vertical-align: bottom; }
.facts td { white-space: normal; }
figure { margin: 2rem 0; } figure img { max-width: 100%; height: auto; } figcaption { max-width: 45rem; }
.shots { display: flex; flex-wrap: wrap; gap: 1rem; } .shot { width: 22rem; } .shot p { margin: .3rem 0 1rem; }
.compare { position: relative; line-height: 0; } .compare img { width: 100%; }
.before { position: absolute; left: 0; top: 0; clip-path: inset(0 50% 0 0); }
.line { position: absolute; top: 0; bottom: 0; left: 50%; width: 2px; background: #fff; box-shadow: 0 0 3px #000; }
.compare input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }
.compare input:focus-visible { opacity: .3; }
</style></head><body><h1>TITLE</h1>
BODY
<script>
document.querySelectorAll(".compare").forEach(box => {
  const [, before] = box.querySelectorAll("img"), line = box.querySelector(".line");
  box.querySelector("input").addEventListener("input", event => {
    before.style.clipPath = `inset(0 ${100 - event.target.value}% 0 0)`;
    line.style.left = `${event.target.value}%`;
  });
});
</script></body></html>
"""
