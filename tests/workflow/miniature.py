"""A configuration of public datasets in miniature: archives and checkpoints as the real ones, and a run on them."""

import hashlib
import io
import os
import pickle
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import torch
import torchvision
import yaml
from cvpire.datasets.benchmarks import benchmark_queries

from tests.unit.download_server import Server
from tests.workflow.conftest import ROOT, SNAKEMAKE, make_photo

QUERIES = {"oxford5k": ["keble_000028"], "paris6k": ["paris_defense_000605"]}
ARCHIVES = {"oxford5k": ["oxbuild_images-v1.tgz"], "paris6k": ["paris_1-v1.tgz", "paris_2-v1.tgz"]}
CHECKPOINT = "retrievalSfM120k-resnet101-gem-b80fb85.pth"
REPOSITORY = "CV-PIRE-d857167.zip"


def jpeg(scene: int, view: int) -> bytes:
    data = io.BytesIO()
    make_photo(scene, view).save(data, "jpeg", quality=90)
    return data.getvalue()


def write_archives(folder: Path, name: str) -> None:
    """A ground truth of one query, two more views and three wrong answers, and archives laid out as the real ones."""
    photos = {}
    for scene, query in enumerate([*QUERIES[name], "other_000028"]):
        photos |= {f"{query[:-2]}9{view}" if view else query: jpeg(scene, view) for view in range(3)}
    names, boxes = list(photos), benchmark_queries(name)
    truths = [
        {
            "ok": [number for number, photo in enumerate(names) if photo[:-2] == query[:-2]],
            "junk": [],
            "bbx": list(boxes[query]),
        }
        for query in QUERIES[name]
    ]
    truth = {"imlist": names, "qimlist": QUERIES[name], "gnd": truths}
    (folder / f"gnd_{name}.pkl").write_bytes(pickle.dumps(truth))
    photos |= {f"{name}_not_in_ground_truth_000001": b"corrupt, like 20 photos of Paris"}
    for number, archive in enumerate(ARCHIVES[name]):
        with tarfile.open(folder / archive, "w:gz") as file:
            for photo, data in list(photos.items())[number :: len(ARCHIVES[name])]:
                place = f"paris/{photo.split('_')[1]}/{photo}.jpg" if name == "paris6k" else f"{photo}.jpg"
                member = tarfile.TarInfo(place)
                member.size = len(data)
                file.addfile(member, io.BytesIO(data))


def write_repository(path: Path) -> None:
    """What the author published of one query by one method, laid out as in his repository."""
    (query,) = QUERIES["oxford5k"]
    stated = "".join(f"{measure}: 0.5\n" for measure in ("ssim", "mse", "nrmse", "psnr"))
    files = {
        f"images/oxbuild_testquery/{query}.jpg": jpeg(0, 0),
        f"results/oxford/CV-PIRE/{query}.jpg": jpeg(0, 1),
        "results/oxford/CV-PIRE/imageQualityComparison.txt": f"{query}.jpg\n{stated}",
        "results/oxford/CV-PIRE/map_score_img_output_T100.txt": f"{query}.jpg\t\t : 0.25\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"CV-PIRE-d857167/{name}", content)


def write_checkpoint(path: Path) -> None:
    """Random weights of a small network under the keys of GeM's checkpoints."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None)
    body = torch.nn.Sequential(*list(network.children())[:-2])
    state = {f"features.{key}": value for key, value in body.state_dict().items()} | {"pool.p": torch.tensor([2.9])}
    meta = {"architecture": "resnet18", "pooling": "gem", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    torch.save({"meta": meta | {"outputdim": 512, "whitening": False}, "state_dict": state}, path)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the project from another folder, on the configuration there."""
    profile = ("--workflow-profile", str(ROOT / "profiles" / "default"))
    return subprocess.run(
        [SNAKEMAKE, "-s", ROOT / "Snakefile", *profile, "--cores", "2", "--configfile", "config.yaml", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow")},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def write_configuration(folder: Path, config: dict, server: Server) -> None:
    """Write the configuration of a run whose downloads come from a server, and the list of these.

    As in the real list some checksums are known, some are recorded at the first download, and the first address of each
    file is gone.
    """
    downloads = {}
    for file in sorted(server.folder.iterdir()):
        name, sha256 = file.name, hashlib.sha256(file.read_bytes()).hexdigest()
        known = sha256 if "gnd" in name else sha256[:8] if name == CHECKPOINT else None
        urls = [server.url(f"gone/{name}"), server.url(name)]
        downloads[name] = {"urls": urls, "sha256": known, "megabytes": 1}
    (folder / "downloads.yaml").write_text(yaml.safe_dump(downloads))
    (folder / "config.yaml").write_text(yaml.safe_dump({**config, "downloads": "downloads.yaml"}, sort_keys=False))


def counts(dry: subprocess.CompletedProcess) -> dict[str, int]:
    """Rules of a dry run, with the number of jobs."""
    return {rule: int(count) for rule, count in re.findall(r"^(\w[\w-]+) +(\d+)$", dry.stdout, flags=re.MULTILINE)}
