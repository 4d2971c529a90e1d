"""Checkpoints of the recognition of places that people bring, by their published names of weights."""

from functools import cache

import numpy as np
import pytest
import timm
import torch
from cvpire.config import NetworkOptions
from cvpire.errors import InputError
from cvpire.networks.convolutional import convolutions
from cvpire.networks.network import as_tensor, load_network
from safetensors.torch import save_file
from torch import nn
from torchvision import models

pytestmark = pytest.mark.usefixtures("one_thread")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def pixels():
    coarse = np.random.default_rng(0).integers(0, 256, (16, 20, 3))
    return np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)


@pytest.fixture(scope="module", autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def prefixed(prefix, state):
    return {f"{prefix}{key}": value for key, value in state.items()}


@cache
def cosplace(name="resnet18", dimensions=32):
    """Random weights as CosPlace and EigenPlaces publish them."""
    layers = convolutions(getattr(models, name)())
    width = 512
    head = {"1.p": torch.full((1,), 2.5), "3.weight": torch.randn(dimensions, width), "3.bias": torch.randn(dimensions)}
    return {**prefixed("backbone.", layers.state_dict()), **prefixed("aggregation.", head)}


@cache
def mixvpr(side=6):
    """Random weights as MixVPR publishes them, of a smaller body and fewer places."""
    body = models.resnet18()
    body.layer4 = body.fc = nn.Identity()
    places, head = side**2, {}
    for number in range(4):
        head |= prefixed(f"mix.{number}.mix.0.", nn.LayerNorm(places).state_dict())
        head |= prefixed(f"mix.{number}.mix.1.", nn.Linear(places, places).state_dict())
        head |= prefixed(f"mix.{number}.mix.3.", nn.Linear(places, places).state_dict())
    head |= prefixed("channel_proj.", nn.Linear(256, 24).state_dict())
    head |= prefixed("row_proj.", nn.Linear(places, 3).state_dict())
    return {**prefixed("backbone.model.", body.state_dict()), **prefixed("aggregator.", head)}


def dinov2(width=64, depth=2, side=37):
    """Random weights with the names that DINOv2 publishes."""
    state = {
        "cls_token": torch.randn(1, 1, width),
        "pos_embed": torch.randn(1, side**2 + 1, width),
        "mask_token": torch.zeros(1, width),
        **prefixed("patch_embed.proj.", nn.Conv2d(3, width, 14, 14).state_dict()),
        **prefixed("norm.", nn.LayerNorm(width).state_dict()),
    }
    for number in range(depth):
        parts = {
            "norm1.": nn.LayerNorm(width),
            "attn.qkv.": nn.Linear(width, 3 * width),
            "attn.proj.": nn.Linear(width, width),
            "norm2.": nn.LayerNorm(width),
            "mlp.fc1.": nn.Linear(width, 4 * width),
            "mlp.fc2.": nn.Linear(4 * width, width),
        }
        for part, module in parts.items():
            state |= prefixed(f"blocks.{number}.{part}", module.state_dict())
        state |= {f"blocks.{number}.ls{part}.gamma": torch.rand(width) for part in (1, 2)}
    return state


def salad_head(width=64, hidden=16, clusters=8, cluster_channels=6, token_channels=5):
    layers = {
        "token_features.0.": nn.Linear(width, hidden),
        "token_features.2.": nn.Linear(hidden, token_channels),
        "cluster_features.0.": nn.Conv2d(width, hidden, 1),
        "cluster_features.3.": nn.Conv2d(hidden, cluster_channels, 1),
        "score.0.": nn.Conv2d(width, hidden, 1),
        "score.3.": nn.Conv2d(hidden, clusters, 1),
    }
    state = {"dust_bin": torch.tensor(0.7)}
    for part, module in layers.items():
        state |= prefixed(part, module.state_dict())
    return state


def salad():
    return {**prefixed("backbone.model.", dinov2()), **prefixed("aggregator.", salad_head())}


def megaloc(prefix="backbone.model."):
    linear = nn.Linear(5 + 8 * 6, 11).state_dict()
    head = {**prefixed("aggregator.agg.", salad_head()), **prefixed("aggregator.linear.", linear)}
    return {**prefixed(prefix, dinov2()), **head}


def megaloc_of_the_second_release():
    state = megaloc("backbone.")
    del state["backbone.mask_token"]
    return state


FILES = {  # what makes their weights, and how long a descriptor is
    "cosplace": (cosplace, 32),
    "eigenplaces": (cosplace, 32),
    "mixvpr": (mixvpr, 24 * 3),
    "salad": (salad, 5 + 8 * 6),
    "megaloc": (megaloc, 11),
}


def save(state, path):
    if path.suffix == ".safetensors":
        save_file({key: value.contiguous() for key, value in state.items()}, path)
    else:
        torch.save(state, path)
    return path


def load(architecture, path, **options):
    return load_network(NetworkOptions(architecture=architecture, weights=str(path), **options), "cpu")


# --- Every family -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", FILES)
def test_a_published_checkpoint_gives_descriptors_that_attacks_can_follow(architecture, pixels, tmp_path):
    make, dimensions = FILES[architecture]
    state = make()
    networks = [load(architecture, save(state, tmp_path / name)) for name in ("a.pth", "b.safetensors")]

    one, same = (network.describe(pixels) for network in networks)

    assert one.shape == (dimensions,)
    assert np.isfinite(one).all()
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - networks[0].describe(255 - pixels)).max() > 1e-4
    assert (networks[0].mean, networks[0].std) == (MEAN, STD)
    photo = as_tensor(pixels[None]).requires_grad_()
    networks[0](photo)[0, :3].sum().backward()
    assert photo.grad.isfinite().all() and photo.grad.abs().max() > 0
    assert not any(weights.requires_grad for weights in networks[0].parameters())


@pytest.mark.parametrize("architecture", ["mixvpr", "salad"])
def test_a_network_of_places_computes_in_half_the_bits(architecture, pixels, tmp_path):
    path = save(FILES[architecture][0](), tmp_path / "a.pth")

    exact, rounded = (load(architecture, path, precision=precision) for precision in ("float32", "bfloat16"))

    assert {weights.dtype for weights in rounded.body.parameters()} == {torch.bfloat16}
    assert 0.95 < exact.describe(pixels) @ rounded.describe(pixels) < 1 - 1e-7


@pytest.mark.parametrize("architecture", FILES)
@pytest.mark.parametrize("part", ["backbone", "aggreg"])
@pytest.mark.parametrize("fault", ["missing", "unexpected", "other shape", "no tensor", "not finite"])
def test_weights_that_do_not_fit_are_refused(architecture, part, fault, tmp_path):
    state = dict(FILES[architecture][0]())
    key = [key for key in state if key.startswith(part) and key.endswith("weight")][-1]
    match fault:
        case "missing":
            del state[key]
        case "unexpected":
            state[f"{key}.more"] = torch.zeros(3)
        case "other shape":
            state[key] = torch.zeros(*state[key].shape, 2)
        case "no tensor":
            state[key] = "weights"
        case "not finite":
            state[key] = torch.full_like(state[key], torch.nan)

    with pytest.raises(InputError, match=r"weights: .*a\.pth: ") as caught:
        load(architecture, save(state, tmp_path / "a.pth"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("architecture", FILES)
def test_the_weights_of_another_network_are_refused(architecture, tmp_path):
    others = {name: make() for name, (make, _) in FILES.items() if make is not FILES[architecture][0]}

    for state in (*others.values(), models.resnet18().state_dict(), {}, {"backbone.model.conv1.weight": torch.ones(1)}):
        with pytest.raises(InputError, match=f"not the weights of {architecture}"):
            load(architecture, save(state, tmp_path / "a.pth"))


@pytest.mark.parametrize("architecture", ["salad", "mixvpr", "cosplace"])
def test_a_network_is_not_larger_than_its_file(architecture, tmp_path):
    """Ten bytes, repeated by a stride of 0, would ask for any memory."""
    key = {"salad": "aggregator.score.3.weight", "mixvpr": "aggregator.row_proj.weight"}.get(architecture)
    key = key or "aggregation.3.weight"
    state = dict(FILES[architecture][0]())
    state[key] = torch.zeros(()).expand(2**40, *state[key].shape[1:])

    with pytest.raises(InputError, match="several share their numbers"):
        load(architecture, save(state, tmp_path / "a.pth"))


@pytest.mark.parametrize("architecture", [*FILES, "timm"])
def test_no_package_holds_them(architecture):
    model = {"model": "resnet18"} if architecture == "timm" else {}

    with pytest.raises(InputError, match=f"weights: {architecture} has no weights in a package"):
        load(architecture, "package", **model)


@pytest.mark.parametrize("options", [{"pooling": "mac"}, {"gem_power": 3.0}])
def test_they_pool_by_themselves(options, tmp_path):
    with pytest.raises(InputError, match="pooling: eigenplaces pools by itself"):
        load("eigenplaces", save(cosplace(), tmp_path / "a.pth"), **options)


# --- CosPlace and EigenPlaces -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet18", "vgg16"])
def test_the_backbone_is_torchvisions_up_to_its_last_maps(name, pixels, tmp_path):
    state = cosplace(name)
    network = load("cosplace", save(state, tmp_path / "a.pth"))
    layers = list(convolutions(getattr(models, name)()))
    layers = layers[:-1] if name == "vgg16" else layers  # the authors cut VGG before its last ReLU
    body = nn.Sequential(*layers)
    body.load_state_dict({key.removeprefix("backbone."): value for key, value in state.items() if "backbone" in key})
    photo = as_tensor(pixels[None])

    with torch.no_grad():
        expected = body.eval()(photo)

    torch.testing.assert_close(network.body(photo), expected, rtol=1e-3, atol=1e-4)
    assert (expected.min() < 0) == (name == "vgg16")


@pytest.mark.parametrize("value", [torch.zeros(1), torch.ones(2), "3"])
def test_an_exponent_that_is_none(value, tmp_path):
    state = {**cosplace(), "aggregation.1.p": value}

    with pytest.raises(InputError, match=r"a\.pth: 1\.p"):
        load("eigenplaces", save(state, tmp_path / "a.pth"))


# --- MixVPR -----------------------------------------------------------------------------------------------------------


def test_mixvpr_sees_every_photo_at_the_size_of_its_places(pixels, tmp_path):
    network = load("mixvpr", save(mixvpr(side=6), tmp_path / "a.pth"))

    assert network.body(as_tensor(pixels[None])).shape == (1, 256, 6, 6)
    assert network.describe(pixels[:40, :60]).shape == (72,)


def test_places_that_are_no_square(tmp_path):
    state = dict(mixvpr())
    for key in [key for key in state if key.startswith("aggregator.")]:
        state[key] = state[key][..., :35] if state[key].shape[-1] == 36 else state[key]
        state[key] = state[key][:35].clone() if state[key].shape[0] == 36 else state[key].clone()

    with pytest.raises(InputError, match="35 places are no square"):
        load("mixvpr", save(state, tmp_path / "a.pth"))


# --- SALAD and MegaLoc ------------------------------------------------------------------------------------------------


def test_megaloc_is_salad_and_a_linear_layer(pixels, tmp_path):
    state = megaloc()
    network = load("megaloc", save(state, tmp_path / "a.pth"))
    inner = {key.replace("aggregator.agg.", "aggregator."): value for key, value in state.items()}
    inner = {key: value for key, value in inner.items() if "linear" not in key}
    vector = load("salad", save(inner, tmp_path / "b.pth")).describe(pixels)

    weight, bias = (state[f"aggregator.linear.{part}"].numpy() for part in ("weight", "bias"))
    expected = weight @ vector + bias
    np.testing.assert_allclose(network.describe(pixels), expected / np.linalg.norm(expected), rtol=1e-3, atol=1e-5)


def test_both_releases_of_megaloc_are_read(pixels, tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = megaloc()
        torch.manual_seed(1)
        second = megaloc_of_the_second_release()

    results = [load("megaloc", save(state, tmp_path / "a.pth")).describe(pixels) for state in (first, second)]

    np.testing.assert_array_equal(*results)


def test_tokens_are_those_of_timms_dinov2(tmp_path):
    """An independent transformer; at the size of the training, no position is interpolated."""
    state = salad()
    body = load("salad", save(state, tmp_path / "a.pth")).body
    reference = timm.models.VisionTransformer(
        img_size=518, patch_size=14, embed_dim=64, depth=2, num_heads=1, init_values=1.0, num_classes=0
    ).eval()
    names = {key.removeprefix("backbone.model."): value for key, value in state.items() if "backbone" in key}
    reference.load_state_dict({key: value for key, value in names.items() if key != "mask_token"})
    photo = torch.randn(1, 3, 518, 518)

    with torch.no_grad():
        torch.testing.assert_close(body(photo), reference.forward_features(photo), rtol=1e-4, atol=1e-4)


def test_channels_that_make_no_heads(tmp_path):
    state = {key: value for key, value in salad().items() if "pos_embed" not in key}
    state["backbone.model.pos_embed"] = torch.zeros(1, 1370, 60)

    with pytest.raises(InputError, match="60 channels are no heads of 64"):
        load("salad", save(state, tmp_path / "a.pth"))


@pytest.mark.parametrize(("rows", "columns"), [(9, 12), (18, 13), (40, 20)])
def test_positions_follow_the_photo(rows, columns, tmp_path):
    """A plane over the grid stays one, but for the ripple of the kernel; rows are rows, the class token has its own."""
    plane = torch.stack(torch.meshgrid(torch.arange(37.0), torch.arange(37.0), indexing="ij"), dim=2).flatten(0, 1)
    positions = torch.cat([torch.full((1, 64), 7.0), plane.repeat(1, 32)])
    state = {**salad(), "backbone.model.pos_embed": positions[None]}
    state["backbone.model.patch_embed.proj.weight"] = torch.zeros(64, 3, 14, 14)
    state["backbone.model.patch_embed.proj.bias"] = torch.zeros(64)
    body = load("salad", save(state, tmp_path / "a.pth")).body
    body.network.blocks = body.network.norm = nn.Identity()

    tokens = body(torch.zeros(1, 3, 14 * rows, 14 * columns))[0]

    torch.testing.assert_close(tokens[0], (state["backbone.model.cls_token"] + 7)[0, 0])
    grid = tokens[1:, :2].unflatten(0, (rows, columns))
    for axis, (count, found) in enumerate([(rows, grid[:, columns // 2, 0]), (columns, grid[rows // 2, :, 1])]):
        expected = (torch.arange(count) + 0.5) * 37 / (count + 0.1) - 0.5
        inner = (expected > 1) & (expected < 35)
        assert inner.sum() > 5, axis
        torch.testing.assert_close(found[inner], expected[inner], rtol=0, atol=0.06)
