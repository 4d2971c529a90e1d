"""Checkpoints of timm, by the names of its models."""

import numpy as np
import pytest
import timm
import torch
from cvpire.config import NetworkOptions
from cvpire.errors import InputError
from cvpire.networks import timm_models
from cvpire.networks.network import as_tensor, load_network
from cvpire.networks.resizing import to_size
from cvpire.options import validate
from safetensors.torch import save_file
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def pixels():
    coarse = np.random.default_rng(0).integers(64, 192, (16, 20, 3))
    return np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def save(state, path):
    (save_file if path.suffix == ".safetensors" else torch.save)(state, path)
    return path


def load(path, model):
    return load_network(NetworkOptions(architecture="timm", model=model, weights=str(path)), "cpu")


def timm_file(model, path, **options):
    """Random weights of a model of timm, in a file; its gamma, which begins as 1e-5, would hide its blocks."""
    network = timm.create_model(model, pretrained=False, **options).eval()
    for key, weights in network.named_parameters():
        if "gamma" in key or key.endswith(("bias", "cls_token", "pos_embed")):
            nn.init.normal_(weights, std=0.3)
    save(network.state_dict(), path)
    return network


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize(
    ("model", "dimensions"),
    [("test_vit", 64), ("test_efficientnet", 256), ("test_convnext", 64), ("test_mambaout", 256)],
)
def test_a_model_of_timm_gives_its_own_features(model, dimensions, suffix, pixels, tmp_path):
    path = tmp_path / f"model.{suffix}"
    reference = timm_file(model, path)
    assert reference.num_classes > 0, "the file has a classifier, which is left out"
    network = load(path, model)
    size = (160, 160) if model == "test_vit" else pixels.shape[:2]  # no position is interpolated there
    photo = as_tensor(np.resize(pixels, (*size, 3))[None]).requires_grad_()

    vector = network(photo)[0]
    vector[:3].sum().backward()

    with torch.no_grad():
        expected = reference.forward_head(reference.forward_features(photo), pre_logits=True)[0]
    np.testing.assert_allclose(vector.detach(), expected / expected.norm(), atol=1e-5)
    assert vector.shape == (dimensions,)
    assert timm_models.load("timm", str(path), model).channels == dimensions
    assert photo.grad.isfinite().all() and photo.grad.abs().max() > 0
    assert (network.mean, network.std) == (reference.pretrained_cfg["mean"], reference.pretrained_cfg["std"])


@pytest.mark.parametrize(
    ("model", "mean", "dimensions"),
    [
        ("vit_small_patch14_dinov2.lvd142m", (0.485, 0.456, 0.406), 384),
        ("vit_xsmall_patch16_clip_224.tinyclip_yfcc15m", (0.48145466, 0.4578275, 0.40821073), 256),
        ("vit_base_patch32_siglip_256.v2_webli", (0.5, 0.5, 0.5), 768),
    ],
)
def test_image_towers_take_photos_at_their_aspect_ratio(model, mean, dimensions, pixels, tmp_path):
    timm_file(model, tmp_path / "a.safetensors")

    network = load(tmp_path / "a.safetensors", model)

    wide, tall = network.describe(pixels), network.describe(pixels.transpose(1, 0, 2).copy())
    assert wide.shape == (dimensions,)
    assert network.mean == mean
    for descriptor in (wide, tall):
        assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-5)
    assert np.abs(wide - tall).max() > 1e-3


def test_a_model_of_a_fixed_size_gets_it(pixels, tmp_path):
    reference = timm_file("mixer_s32_224", tmp_path / "a.pth")
    network = load(tmp_path / "a.pth", "mixer_s32_224")
    photo = as_tensor(pixels[None])

    with torch.no_grad():
        features = reference.forward_features(to_size(photo, 224, 224, "bicubic"))
        expected = reference.forward_head(features, pre_logits=True)[0]

    np.testing.assert_allclose(network(photo)[0], expected / expected.norm(), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("resnet18x", "model: timm has no resnet18x; nearest: resnet18"),
        ("vit_small_patch14_dinov2.lvd143m", "nearest: vit_small_patch14_dinov2.lvd142m"),
        ("hf-hub:timm/resnet18.a1_in1k", "model: timm has no hf-hub:timm/resnet18.a1_in1k"),
        ("local-dir:/tmp", "model: timm has no local-dir:/tmp"),
        ("?\n", r"model: timm has no \?\\n$"),
        ("", "model: timm has no "),
    ],
)
def test_a_model_that_timm_does_not_have(model, message, tmp_path):
    with pytest.raises(InputError, match=message):
        load(tmp_path / "nowhere.pth", model)


@pytest.mark.parametrize("change", ["missing", "unexpected", "another"])
def test_weights_of_another_model_of_timm_are_refused(change, tmp_path):
    state = timm.create_model("test_vit").state_dict()
    match change:
        case "missing":
            del state["norm.weight"]
        case "unexpected":
            state["headless.weight"] = torch.zeros(3)
        case "another":
            state = timm.create_model("test_efficientnet").state_dict()

    with pytest.raises(InputError, match=r"a\.pth: not the weights of timm's test_vit \(.*(Missing|Unexpected) key"):
        load(save(state, tmp_path / "a.pth"), "test_vit")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "timm"}, "network: architecture timm needs `model`"),
        ({"model": "resnet18"}, "model goes with architecture timm only, not with efficientnet-lite0"),
        ({"architecture": "resnet18", "model": "resnet18"}, "only, not with resnet18"),
    ],
)
def test_model_is_for_timm_and_only_for_timm(options, message):
    with pytest.raises(InputError, match=message):
        validate(NetworkOptions, options, "network")
