"""Where everything lies under results/ and resources/, and how a variant of a query is written there.

Paths are templates: a rule takes them as they stand, with their wildcards; Python fills them by `str.format` or `path`.
"""

import re
from collections.abc import Iterable
from pathlib import Path

RESULTS = "results"

ORIGINAL = "original"
"""In the place of an attack: the unattacked queries."""

PLAIN = "plain"
"""In the place of an attack: the unattacked queries as saving leaves them, without any perturbation."""

AS_SAVED = "none"
"""In the place of a transformation: the file exactly as it was saved."""

# Of the run
RUN = "results/run.json"
CONFIGURATION = "results/configuration.json"
PROVENANCE = "results/provenance.json"
OVERVIEW = "results/overview.html"
REPRODUCTION = "results/reproduction"  # without suffix

# Of a dataset
LISTING = "results/{dataset}/dataset.json"
PREPARED = "results/{dataset}/original/{photo}.png"
VARIANCE = "results/{dataset}/variance/{map}/{photo}.npy"
DESCRIPTORS = "results/{dataset}/descriptors/{victim}/shard-{shard}.npy"
FEATURES = "results/{dataset}/descriptors/{victim}/shard-{shard}.npz"
LEARNT = "results/{dataset}/descriptors/{victim}/learnt.npz"
CENTRED = "results/{dataset}/descriptors/{victim}/centred.npz"
DISTRACTORS = "results/distractors/{distractors}/descriptors/{victim}/shard-{shard}.npy"
RANDOM = "results/{dataset}/random.csv"
GATE = "results/{dataset}/original/gate/{victim}.json"

TRANSFORMED = "results/{dataset}/transformed/{victim}/{transformation}.csv"

# Of an attack on a dataset
PERTURBATION = "results/{dataset}/{attack}/perturbation/{photo}.npz"
QUERIES = "results/{dataset}/{attack}/queries"
QUERY = "results/{dataset}/{attack}/queries/{variant}/{photo}{suffix}"
CALIBRATION = "results/{dataset}/{attack}/calibration/{photo}.csv"
QUALITY = "results/{dataset}/{attack}/quality/{photo}.csv"
RETRIEVAL = "results/{dataset}/{attack}/retrieval/{victim}.csv"

# Tables and figures, without suffix
ALL_QUERIES = "results/tables/queries.csv"
ALL_RANDOM = "results/tables/random.csv"
TABLE = "results/tables/{file}"
FIGURE = "results/figures/figure-{number}"
CALIBRATED = "results/tables/calibrated-{dataset}-{attack}.json"
AUDIT = "results/audit/{file}"

QUERY_SUFFIXES = (".jpg", ".png")
FIGURE_SUFFIXES = (".svg", ".png", ".pdf")
TABLE_SUFFIXES = (".csv", ".md", ".tex", *FIGURE_SUFFIXES)
PAGE_SUFFIXES = (".html", ".md")

# What is downloaded or made before a run
DOWNLOAD = "resources/downloads/{file}"
DEMO_PHOTOS = "resources/demo/{part}"
LOGO_PHOTOS = "resources/logos"
PHOTOS = "resources/photos/{photo_set}"
UNPACKED = "resources/photos/{photo_set}/contents.json"
PUBLISHED = "resources/published/{artefacts}"
UNPACKED_PUBLISHED = "resources/published/{artefacts}/contents.json"

FOLDERS = frozenset({"tables", "figures", "logs", "audit", "distractors"})
"""Names under results/ that no dataset may have."""

FOLDERS_OF_A_DATASET = frozenset({ORIGINAL, PLAIN, "variance", "descriptors", "transformed"})
"""Names under a dataset's folder that no attack may have."""


def path(template: str, root: str | Path = RESULTS, **names: object) -> Path:
    """Fill in a template; `root` is the folder of the results."""
    return Path(root, template.removeprefix(f"{RESULTS}/").format(**names))


def log(output: str) -> str:
    """Where the job that makes an output keeps its log."""
    stem = re.sub(r"\.[a-z]+$", "", output)  # not the .1 of table-4.1
    return f"{RESULTS}/logs/{stem.removeprefix(f'{RESULTS}/')}.log"


def names_of(shards: Iterable[str]) -> list[str]:
    """Files that name the photos of descriptor shards, beside them."""
    return [str(Path(shard).with_suffix(".txt")) for shard in shards]


def variant(multiplier: float, iteration: int) -> str:
    """Folder of the queries at a multiplier and an iteration, like m50_T100."""
    return f"m{number(multiplier)}_T{iteration}"


def number(value: float) -> str:
    """Write a number shortly and yet whole: 50, 0.1, 42.857142; another number is never written the same."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def read_variant(file: Path) -> tuple[float, int] | None:
    """Multiplier and iteration that the folder of a query says; None where it says none."""
    match = _VARIANT.match(file.parent.name)
    return (float(match[1]), int(match[2])) if match else None


_VARIANT = re.compile(r"^m([0-9.e+-]+)_T([0-9]+)$")
