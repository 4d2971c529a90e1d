"""Saving, quality, ranking and starting, each against the part that cannot be left out; and memory for large photos."""

import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from cvpire.config import QualityOptions
from cvpire.datasets import Dataset, Query
from cvpire.quality.compare import quality
from cvpire.retrieval.ranking import measure
from cvpire.saving import adversarial_pixels, encode
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from benchmarks.timing import Killed, Line, compare, cvpire, in_turn, process
from benchmarks.variance import example_photo


def lines(rounds: int = 5) -> list[Line]:
    """Compare each stage, for a photo of 1024 x 768 and a database of Oxford-5k's size."""
    photo = example_photo(1024, 768)
    random = np.random.default_rng(0)
    perturbation = random.uniform(-0.2, 0.2, (3, 768, 1024)).astype(np.float32)
    unit = (0.229, 0.224, 0.225)
    altered = adversarial_pixels(photo, perturbation, unit, enlargement="released")
    first, second = photo / 255, altered / 255
    runs = {
        "save": lambda: encode(adversarial_pixels(photo, perturbation, unit, enlargement="released")),
        "encode": lambda: encode(altered),
        "quality": lambda: quality(photo, altered, QualityOptions(data_range=2.0)),
        "by scikit-image": lambda: by_scikit_image(first, second),
    }
    with tempfile.TemporaryDirectory() as folder:
        runs |= ranking_runs(Path(folder), random)
        seconds = in_turn(runs, rounds)
    return [
        compare("save a photo, 1024 x 768", "encode the JPEG", seconds["save"], seconds["encode"]),
        compare("quality of a query", "scikit-image calls", seconds["quality"], seconds["by scikit-image"]),
        compare("rank 5,063 photos for 55 queries", "product and sort in float32", seconds["rank"], seconds["sort"]),
    ]


def by_scikit_image(first: np.ndarray, second: np.ndarray) -> None:
    """SSIM with both ranges, and CIEDE2000."""
    for data_range in (1, 2):
        structural_similarity(first, second, win_size=7, data_range=data_range, channel_axis=2)
    deltaE_ciede2000(rgb2lab(first), rgb2lab(second)).mean()


def ranking_runs(folder: Path, random: np.random.Generator) -> dict:
    """A database of Oxford-5k's size and as many queries: ranked, and multiplied and sorted in the plainest way."""
    names = [f"photo {number}" for number in range(5063)]
    vectors = random.standard_normal((len(names), 2048), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(folder / "shard-000.npy", vectors)
    (folder / "shard-000.txt").write_text("".join(f"{name}\n" for name in names))
    queries = {f"query {number}": Query(frozenset(names[number : number + 50]), frozenset()) for number in range(55)}
    dataset, asked = Dataset({}, tuple(names), queries), vectors[:55]
    return {
        "rank": lambda: measure(dataset, [folder / "shard-000.npy"], [], list(queries), asked),
        "sort": lambda: np.argsort(-(asked @ vectors.T), axis=1),
    }


def starting(rounds: int = 5) -> list[Line]:
    """How long a stage's process takes to do nothing but start, say what it does, and end."""
    commands = {"cvpire --help": cvpire("--help"), "cvpire attack --help": cvpire("attack", "--help")}
    return [
        Line(name, median(process(command)[0] for _ in range(rounds)), goal="<= 0.5")
        for name, command in commands.items()
    ]


def memory(width: int = 4000, height: int = 3000) -> list[tuple[str, float, float | None]]:
    """Peak memory in MB and seconds of each stage's process for a photo of 12 megapixels, on one processor thread.

    No seconds where the system has killed the process for its memory.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        photo = folder / "photo.png"
        Image.fromarray(example_photo(width, height)).save(photo, compress_level=1)
        saved, query = folder / "m50_T1" / "photo.jpg", folder / "photo.jpg"
        Image.open(photo).save(query, quality=95)
        attack = ["--device", "cpu", "--threads", "1", "--iterations", "1", "--multiplier", "50"]
        reduced = ["--longest-side", str(width // 2)]
        stages = {
            "prepare": ["prepare", query, folder / "prepared.png"],
            "variance (colour)": ["variance", photo, folder / "map.npy"],
            "variance (luminance)": ["variance", photo, folder / "sd.npy", "--kind", "luminance"],
            "attack (EfficientNet-Lite0, 1 bound)": ["attack", photo, folder / "map.npy", folder / "v.npz", *attack],
            "variance (colour), half the side": ["variance", photo, folder / "half.npy", *reduced],
            "attack, half the side": ["attack", photo, folder / "half.npy", folder / "half.npz", *reduced, *attack],
            "save (1 query), half the side": ["save", photo, folder / "half.npz", saved, *reduced],
            "quality (1 query)": ["quality", photo, query],
            "describe (EfficientNet-Lite0)": ["describe", folder / "shard-000.npy", photo, "--device", "cpu"],
        }
        rows = []
        for name, arguments in stages.items():
            try:
                seconds, megabytes = process(cvpire(*arguments))
            except Killed as killed:
                seconds, megabytes = None, killed.megabytes
            rows.append((name, megabytes, seconds))
        return rows
