"""A GPU computes what a processor computes, as far as rounding allows, and is not kept waiting."""

import numpy as np
import pytest
import skimage.data
import torch
from cvpire.attack.loop import attack
from cvpire.attack.start import start_noise
from cvpire.config import AttackOptions, NetworkOptions, QualityOptions, VarianceOptions
from cvpire.networks.network import as_tensor, load_network
from cvpire.quality.compare import quality
from cvpire.saving import adversarial_pixels, encode
from cvpire.variance.maps import variance_map
from PIL import Image

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

MULTIPLIERS, STEPS = [20.0, 50.0], 20
METHOD = AttackOptions(
    multiplier=MULTIPLIERS[0],
    other_multipliers=MULTIPLIERS[1:],
    iterations=STEPS,
    other_iterations=list(range(1, STEPS)),
    objective="descriptor-sum",
    bound_space="normalised",
    projection="before-step",
)


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(skimage.data.astronaut()[:256, 64:320])


def run(photo, device, tmp_path, precision="float32", method=METHOD, progress=lambda done, of: None):
    """Objective after each step for each multiplier, and SSIM of the saved photo at the end."""
    network = load_network(NetworkOptions(precision=precision), device)
    bound = torch.from_numpy(variance_map(photo, VarianceOptions())).to(device)
    values = attack(
        as_tensor(photo).to(device),
        bound,
        network,
        method,
        start=start_noise(0, "photo", "attack", MULTIPLIERS, photo.shape[:2]).to(device),
        progress=progress,
    )
    mean, std = (torch.tensor(three, device=device).view(3, 1, 1) for three in (network.mean, network.std))
    image = (as_tensor(photo).to(device) - mean) / std
    with torch.no_grad():
        curves = torch.stack([network(image + each).sum(1) for each in values])
    saved = []
    for perturbation in values[:, -1].cpu().numpy():
        file = tmp_path / "saved.jpg"
        file.write_bytes(encode(adversarial_pixels(photo, perturbation, network.std, enlargement="released")))
        saved.append(quality(photo, np.asarray(Image.open(file)), QualityOptions(), ["ssim"])["ssim"])
    return curves.cpu().numpy(), np.array(saved)


@pytest.mark.parametrize("kind", ["colour", "luminance"])
def test_maps_agree(photo, kind):
    options = VarianceOptions(kind=kind)
    np.testing.assert_allclose(variance_map(photo, options, device="cuda"), variance_map(photo, options), atol=1e-4)


def test_attacks_climb_alike_and_look_alike(photo, tmp_path):
    curves, ssim = run(photo, "cpu", tmp_path)
    gpu_curves, gpu_ssim = run(photo, "cuda", tmp_path)
    # Rounding turns single steps of Adam, but not where they lead.
    np.testing.assert_allclose(gpu_curves, curves, rtol=0.02)
    np.testing.assert_allclose(gpu_ssim, ssim, atol=0.005)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_less_precision_attacks_nearly_as_well(photo, tmp_path, precision):
    curves, ssim = run(photo, "cuda", tmp_path)
    less_curves, less_ssim = run(photo, "cuda", tmp_path, precision)
    np.testing.assert_allclose(less_curves[:, -1], curves[:, -1], rtol=0.05)
    np.testing.assert_allclose(less_ssim, ssim, atol=0.02)


@pytest.mark.parametrize("through", [[], ["eight-bit"]], ids=["plain", "eight-bit"])
def test_the_loop_never_waits_for_the_device(photo, tmp_path, through):
    def progress(done, of):
        # From the second step to the last but one, anything that waits is an error.
        torch.cuda.set_sync_debug_mode("error" if done < of - len(MULTIPLIERS) else "default")

    try:
        run(photo, "cuda", tmp_path, method=METHOD.model_copy(update={"through": through}), progress=progress)
    finally:
        torch.cuda.set_sync_debug_mode("default")
