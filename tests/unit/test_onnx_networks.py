"""DINOv2 and the thin ResNet-50 compute what the ONNX files of their packages do, and what DINOv2's checkpoints say."""

from functools import partial
from importlib.metadata import PackageNotFoundError

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cvpire.config import NetworkOptions
from cvpire.errors import InputError
from cvpire.networks import dinov2, onnx_weights, resnet_thin
from cvpire.networks.catalogue import ARCHITECTURES
from cvpire.networks.network import load_network
from cvpire.networks.onnx_weights import onnx_file
from timm.models.vision_transformer import VisionTransformer

pytestmark = pytest.mark.usefixtures("one_thread")

PACKAGED = ("dinov2-vits14", "resnet50-thin")
INNER = {"dinov2-vits14": "/backbone/encoder/layer.10/Add_1_output_0", "resnet50-thin": "Relu_48:0"}
"""What our modules give of the graphs: tokens after block 11, and the last feature maps."""


@pytest.fixture(scope="module")
def loaded():
    return {architecture: load_network(NetworkOptions(architecture=architecture), "cpu") for architecture in PACKAGED}


@pytest.fixture(scope="module")
def graphs():
    """The packages' graphs as far as the inner value, for photos of any size."""
    sessions = {}
    for architecture, output in INNER.items():
        model = onnx.load(onnx_file(architecture, "package"))
        for dimension in model.graph.input[0].type.tensor_type.shape.dim:
            dimension.dim_param = f"any {id(dimension)}"
        # The nodes behind it would run too, and take photos of one size only.
        last = [node.output[0] for node in model.graph.node].index(output)
        del model.graph.node[last + 1 :], model.graph.output[:], model.graph.value_info[:]
        model.graph.output.add(name=output)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        sessions[architecture] = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return sessions


def photos(*shape, seed=0):
    """Photos in [0, 1] of coarse and fine structure, (B, 3, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(*shape[:2], 5, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, shape[2:], mode="bicubic")
    return (smooth + 0.1 * torch.randn(shape, generator=generator)).clamp(0, 1)


def normalised(values, architecture):
    """Photos in [0, 1] as a network takes them."""
    entry = ARCHITECTURES[architecture]
    return (values - torch.tensor(entry.mean).view(3, 1, 1)) / torch.tensor(entry.std).view(3, 1, 1)


# --- The same as the graphs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(224, 224), (252, 182), (98, 126)])
def test_dinov2_gives_the_tokens_of_the_graph(loaded, graphs, size):
    body = loaded["dinov2-vits14"].body
    photo = normalised(photos(2, 3, *size), "dinov2-vits14")

    (expected,) = graphs["dinov2-vits14"].run(None, {"input_image": photo.numpy()})

    assert expected.shape == (2, 1 + size[0] * size[1] // 14**2, 384)
    with torch.no_grad():
        np.testing.assert_allclose(body(photo), expected, atol=2e-5 * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize("size", [(224, 224), (171, 256), (3, 40)])
def test_the_thin_resnet_gives_the_feature_maps_of_the_graph(loaded, graphs, size):
    body = loaded["resnet50-thin"].body
    values = photos(2, 3, *size)
    caffe = (255 * values.flip(1) - torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1)).movedim(1, -1)

    (expected,) = graphs["resnet50-thin"].run(None, {"input:0": caffe.numpy()})

    assert expected.max() > 0.1
    with torch.no_grad():
        maps = body(normalised(values, "resnet50-thin"))
    np.testing.assert_allclose(maps, expected, atol=2e-5 * expected.max(), rtol=0)


@pytest.mark.parametrize("architecture", PACKAGED)
def test_a_batch_is_described_as_single_photos_are(loaded, architecture):
    batch = normalised(photos(3, 3, 100, 140), architecture)

    with torch.no_grad():
        together = loaded[architecture](batch)
        singly = torch.cat([loaded[architecture](photo[None]) for photo in batch])

    assert together.shape == (3, ARCHITECTURES[architecture].dimensions)
    assert (together[0] @ together[1]).item() < 0.999
    torch.testing.assert_close(together, singly, atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", PACKAGED)
def test_descriptors_have_the_slope_that_differences_show(loaded, architecture):
    """Through resizing to whole patches, too: 100 x 75 pixels become 98 x 70."""
    other = loaded[architecture](normalised(photos(1, 3, 100, 75, seed=1), architecture)).detach()
    photo = normalised(photos(1, 3, 100, 75), architecture).requires_grad_()

    def similarity(at):
        return (loaded[architecture](at) * other).sum()

    (slope,) = torch.autograd.grad(similarity(photo), photo)
    step = 0.002 * slope.sign()
    with torch.no_grad():
        difference = similarity(photo + step) - similarity(photo - step)

    assert (slope.abs().amax(dim=1) > 0).float().mean() > 0.95, "every pixel counts"
    assert difference.item() == pytest.approx(2 * (slope * step).sum().item(), rel=0.1)


# --- Photos of any size -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "patches"),
    [((252, 182), (18, 13)), ((768, 1024), (14, 18)), ((100, 75), (7, 5)), ((14, 20), (1, 1)), ((14, 4000), (1, 18))],
)
def test_photos_are_brought_to_whole_patches_at_their_own_aspect_ratio(size, patches):
    ramp = torch.linspace(0, 1, size[1]).expand(1, 3, *size)

    fitted = dinov2.WholePatches(dinov2.LONGEST)(ramp)

    assert fitted.shape[2:] == tuple(14 * number for number in patches)
    assert (fitted is ramp) == (tuple(fitted.shape) == tuple(ramp.shape))
    torch.testing.assert_close(fitted.mean(), torch.tensor(0.5), atol=1e-3, rtol=0)
    assert (fitted.diff(dim=3) > 0).all()


@pytest.mark.parametrize(("architecture", "smallest"), [("dinov2-vits14", 14), ("resnet50-thin", 3)])
def test_a_photo_that_is_too_small_is_refused(loaded, architecture, smallest):
    described = loaded[architecture].describe(np.zeros((smallest, 60, 3), np.uint8))

    assert np.isfinite(described).all()
    with pytest.raises(InputError, match=f"a photo of 60 x {smallest - 1} is too small: .* needs {smallest} pixels"):
        loaded[architecture].describe(np.zeros((smallest - 1, 60, 3), np.uint8))


# --- DINOv2's checkpoints ---------------------------------------------------------------------------------------------

SMALL = {"dinov2-vitb14": (24, 2, 3)}


def published(registers=0):
    """timm's transformer of a small size with random weights, and its state dict by DINOv2's names."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VisionTransformer(
            518,
            14,
            num_classes=0,
            embed_dim=24,
            depth=2,
            num_heads=3,
            init_values=0.5,
            reg_tokens=registers,
            no_embed_class=registers > 0,
            dynamic_img_size=True,
        ).eval()
        for weights in model.parameters():
            torch.nn.init.normal_(weights, std=0.3)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    if registers:
        # timm adds the class token's position to the token, which the published files keep apart.
        first = torch.full((1, 1, 24), 0.25)
        state["cls_token"] -= first
        state["pos_embed"] = torch.cat([first, state["pos_embed"]], dim=1)
        state["register_tokens"] = state.pop("reg_token")
    return model, state | {"mask_token": torch.zeros(1, 24)}


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Load a state dict as the checkpoint of a network of a small size."""
    monkeypatch.setattr(dinov2, "_SIZES", SMALL)

    def load(state):
        torch.save(state, tmp_path / "small.pth")
        return dinov2.load("dinov2-vitb14", str(tmp_path / "small.pth"))

    return load


@pytest.mark.parametrize(("registers", "size"), [(0, (518, 518)), (4, (518, 518)), (4, (112, 70))])
def test_a_checkpoint_gives_the_class_token_after_the_last_norm(small, registers, size):
    model, state = published(registers)
    backbone = small(state)
    photo = photos(1, 3, *size)

    with torch.no_grad():
        expected = model.forward_features(photo)
        tokens = backbone.body[1](photo)

    patches = expected[:, 1 + registers :]
    torch.testing.assert_close(tokens, torch.cat([expected[:, :1], patches], dim=1), atol=1e-4, rtol=0)
    torch.testing.assert_close(backbone.pool(tokens), expected[:, 0], atol=1e-4, rtol=0)


def test_positions_are_interpolated_with_the_offset_of_the_published_code(small):
    """A plane stays one: position i of n lies at (i + 1/2) 37 / (n + 0.1) - 1/2."""
    _, state = published()
    rows, columns = torch.meshgrid(torch.arange(37.0), torch.arange(37.0), indexing="ij")
    plane = torch.stack([rows, columns], dim=2).flatten(0, 1).repeat(1, 12)
    body = small(state | {"pos_embed": torch.cat([torch.zeros(1, 1, 24), plane[None]], dim=1)}).body[1]

    with torch.no_grad():
        found = body._positions(8, 5)[0, 1:].unflatten(0, (8, 5))

    for axis, count in ((0, 8), (1, 5)):
        expected = (torch.arange(count) + 0.5) * 37 / (count + 0.1) - 0.5
        torch.testing.assert_close(found.select(1 - axis, 2)[1:-1, axis], expected[1:-1], atol=0.06, rtol=0)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"blocks.1.attn.qkv.weight": None}, r"not the weights of dinov2-vitb14 \(.*blocks\.1\.attn\.qkv\.weight"),
        ({"blocks.2.norm1.weight": torch.ones(24)}, r"not the weights of dinov2-vitb14 \(.*blocks\.2\.norm1\.weight"),
        ({"register_tokens": torch.ones(1, 9, 24)}, r"not the weights of dinov2-vitb14 \(.*register_tokens"),
        ({"norm.bias": torch.full((24,), torch.nan)}, "holds values that are not finite"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(small, change, fault):
    _, state = published()

    with pytest.raises(InputError, match=fault):
        small({name: value for name, value in (state | change).items() if value is not None})


@pytest.mark.parametrize("architecture", ["dinov2-vitb14", "dinov2-vitl14"])
def test_the_larger_transformers_need_a_checkpoint(architecture):
    with pytest.raises(InputError, match=f"{architecture} has no weights in a package; set `weights` to a checkpoint"):
        dinov2.load(architecture, "package")


@pytest.mark.parametrize("architecture", dinov2._SIZES)
def test_the_catalogue_knows_the_width_of_tokens(architecture):
    width, depth, heads = dinov2._SIZES[architecture]

    assert (ARCHITECTURES[architecture].dimensions, width // heads) == (width, 64)
    assert depth % 12 == 0


# --- Options and files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"pooling": "mac"}, "pooling: dinov2-vitb14 pools by itself"),
        ({"gem_power": 3.0}, "pooling: dinov2-vitb14 pools by itself"),
        ({"whitening": "layer"}, r"whitening: .*small\.pth has no whitening layer"),
        ({"whitening": "learned"}, r"whitening: .*small\.pth has no learned whitening"),
    ],
)
def test_dinov2_takes_no_pooling_and_no_whitening(small, tmp_path, options, fault):
    small(published()[1])
    asked = {"architecture": "dinov2-vitb14", "weights": str(tmp_path / "small.pth")}

    assert load_network(NetworkOptions(**asked), "cpu").pool is dinov2.class_token
    with pytest.raises(InputError, match=fault):
        load_network(NetworkOptions(**asked, **options), "cpu")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_networks_describe_at_several_scales_and_precisions(loaded, precision):
    pixels = (255 * photos(1, 3, 90, 120)[0]).byte().movedim(0, 2).numpy()
    for architecture in PACKAGED:
        options = NetworkOptions(architecture=architecture, scales=[1.0, 0.5], precision=precision)

        descriptor = load_network(options, "cpu").describe(pixels)

        assert np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-3)
        assert descriptor @ loaded[architecture].describe(pixels) > 0.8


@pytest.mark.parametrize(("architecture", "load"), [(PACKAGED[0], dinov2.load), (PACKAGED[1], resnet_thin.load)])
def test_weights_that_are_cut_or_of_another_network_are_refused(tmp_path, architecture, load):
    own, other = (onnx_file(name, "package") for name in (architecture, *(set(PACKAGED) - {architecture})))
    cut = tmp_path / "cut.onnx"
    with own.open("rb") as file:
        cut.write_bytes(file.read(2**20))

    assert load(architecture, str(own)).channels == ARCHITECTURES[architecture].dimensions
    with pytest.raises(InputError, match=r"cut\.onnx: truncated, or no ONNX file"):
        load(architecture, str(cut))
    with pytest.raises(InputError, match=rf"not the weights of {architecture} \(it lacks '"):
        load(architecture, str(other))


def test_weights_of_another_width_are_refused():
    path = str(onnx_file("dinov2-vits14", "package"))

    with pytest.raises(InputError, match=r"not the weights of dinov2-vitb14 \(.*size mismatch"):
        dinov2.load("dinov2-vitb14", path)
    with pytest.raises(InputError, match=r"not the weights of dinov2-vitl14 \(it lacks .*layer.12"):
        dinov2.load("dinov2-vitl14", path)


def test_the_thin_resnet_is_read_from_onnx_files_only(tmp_path):
    with pytest.raises(InputError, match=r"x\.pth: resnet50-thin is read from ONNX files only; set `weights: package`"):
        resnet_thin.load("resnet50-thin", str(tmp_path / "x.pth"))


@pytest.mark.parametrize("architecture", PACKAGED)
def test_a_package_that_is_not_there_is_named(monkeypatch, architecture):
    package = ARCHITECTURES[architecture].package

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(onnx_weights, "files", missing)
    with pytest.raises(InputError, match=f"come with the package {package}, which is not installed"):
        onnx_file(architecture, "package")
    for listed in (None, []):
        monkeypatch.setattr(onnx_weights, "files", partial(lambda listed, name: listed, listed))
        with pytest.raises(InputError, match=f"the package {package} has no ONNX file; install it again"):
            onnx_file(architecture, "package")
