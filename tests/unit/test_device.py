"""Jobs on one machine spread over its GPUs."""

import inspect
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cvpire.cli import app, retrieval, stages
from cvpire.config import Config
from cvpire.errors import InputError
from cvpire.networks import device
from cvpire.networks.device import choose_device, use_threads
from PIL import Image
from typer.testing import CliRunner

# A job that takes one of two GPUs and holds it until it is killed.
JOB = """
import sys, types, torch
from cvpire.networks.device import choose_device
torch.cuda.is_available = lambda: True
torch.cuda.device_count = lambda: 2
torch.cuda.get_device_properties = lambda number: types.SimpleNamespace(uuid=f"GPU-{number}")
print(choose_device("auto"), flush=True)
sys.stdin.read()
"""


def another_job(gpus: list[str]) -> torch.device:
    """What a job gets that sees these GPUs: the choice that this process remembers is forgotten first."""
    device.free_gpu.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.cuda, "device_count", lambda: len(gpus))
        patch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid=gpus[number]))
        return choose_device("cuda")


@pytest.fixture(autouse=True)
def no_locks_yet(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield
    device.free_gpu.cache_clear()


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(InputError, match="no GPU; choose `auto` or `cpu`"):
        choose_device("cuda")


def test_jobs_spread_evenly_over_the_gpus():
    taken = [another_job(["GPU-a", "GPU-b", "GPU-c"]).index for _ in range(7)]

    assert taken == [0, 1, 2, 0, 1, 2, 0]


def test_a_gpu_is_known_by_its_identity_and_not_by_its_number():
    assert another_job(["GPU-a", "GPU-b"]).index == 0
    assert another_job(["GPU-b", "GPU-a"]).index == 0
    assert another_job(["GPU-b", "GPU-a", "GPU-c"]).index == 2


def test_a_process_stays_on_its_gpu(monkeypatch):
    first = another_job(["GPU-a", "GPU-b"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    assert choose_device("cuda") == choose_device("auto") == first


def test_a_killed_job_leaves_its_gpu_free():
    job = subprocess.Popen([sys.executable, "-c", JOB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert job.stdout.readline() == "cuda:0\n"
        assert another_job(["GPU-0", "GPU-1"]).index == 1
    finally:
        job.kill()
        job.communicate()

    assert another_job(["GPU-0", "GPU-1"]).index == 0


@pytest.mark.usefixtures("one_thread")
def test_threads_are_as_many_as_asked_for_or_as_torch_chooses():
    use_threads(0)
    assert torch.get_num_threads() == 1
    use_threads(3)
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("one_thread")
def test_by_hand_an_attack_gives_the_bytes_of_the_workflow(tmp_path):
    """Which asks for as many threads as the configuration says: one, unless it says otherwise."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    np.save(tmp_path / "map.npy", np.ones((64, 96), np.float32))
    words = [*("--iterations", "3", "--device", "cpu"), *("--other-multipliers", "20")]

    def attacked(file, *threads):
        torch.set_num_threads(3)  # as torch would on a machine of three cores
        arguments = ["attack", *(str(tmp_path / name) for name in ("a.png", "map.npy", file)), *words, *threads]
        assert (done := CliRunner().invoke(app, arguments)).exit_code == 0, done.output
        return (tmp_path / file).read_bytes()

    by_hand = attacked("by-hand.npz")
    assert torch.get_num_threads() == 1
    assert by_hand == attacked("workflow.npz", "--threads", str(Config.model_fields["threads"].default))


@pytest.mark.parametrize("command", [stages.attack, retrieval.describe, retrieval.rank, retrieval.rank_transformed])
def test_every_command_that_runs_a_network_has_the_threads_of_the_configuration(command):
    assert inspect.signature(command).parameters["threads"].default == Config.model_fields["threads"].default == 1
