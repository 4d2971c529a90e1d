"""Trained aggregations of place recognition against literal computations, and photos at sizes that bodies take."""

import numpy as np
import pytest
import torch
from cvpire.errors import InputError
from cvpire.networks.aggregation import MixVpr, NormalisedGem, Salad, transport
from cvpire.networks.network import as_tensor
from cvpire.networks.resizing import to_size, to_whole_patches
from PIL import Image
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_cosplace_is_gem_of_unit_vectors_and_a_linear_layer():
    features = torch.randn(2, 7, 3, 4)
    layer = nn.Linear(7, 5)

    result = NormalisedGem(2.5, layer)(features).detach().numpy()

    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    for photo, maps in enumerate(features.numpy()):
        pooled = np.zeros(7)
        for row in range(3):
            for column in range(4):
                vector = maps[:, row, column] / np.sqrt((maps[:, row, column] ** 2).sum())
                pooled += np.maximum(vector, 1e-6) ** 2.5
        np.testing.assert_allclose(result[photo], weight @ (pooled / 12) ** (1 / 2.5) + bias, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("row_bias", [True, False])
def test_mixvpr_mixes_places_and_projects_channels_and_places(row_bias):
    features = torch.randn(1, 3, 2, 4)
    module = MixVpr(3, 8, 5, 2, 6, 2, row_bias)
    for weights in module.parameters():
        nn.init.normal_(weights)

    result = module(features)[0].detach().numpy()

    state = {key: value.numpy().astype(float) for key, value in module.state_dict().items()}
    rows = features[0].numpy().astype(float).reshape(3, 8)
    for number in range(2):
        own = {key.removeprefix(f"mix.{number}.mix."): value for key, value in state.items()}
        for channel in range(3):
            row = rows[channel]
            normal = (row - row.mean()) / np.sqrt(row.var() + 1e-5) * own["0.weight"] + own["0.bias"]
            hidden = np.maximum(own["1.weight"] @ normal + own["1.bias"], 0)
            rows[channel] = row + own["3.weight"] @ hidden + own["3.bias"]
    projected = state["channel_proj.weight"] @ rows + state["channel_proj.bias"][:, None]
    expected = projected @ state["row_proj.weight"].T + state.get("row_proj.bias", 0)
    np.testing.assert_allclose(result, expected.ravel(), rtol=1e-4, atol=1e-4)


def sinkhorn(scores, dust_bin, iterations):
    """Scale rows and columns of a matrix in turn, number by number, without logarithms."""
    clusters, patches = scores.shape
    matrix = np.exp(np.vstack([scores, np.full(patches, dust_bin)]))
    for _ in range(iterations):
        for row in range(clusters + 1):
            matrix[row] *= (1 if row < clusters else patches - clusters) / matrix[row].sum()
        for column in range(patches):
            matrix[:, column] /= matrix[:, column].sum()
    return matrix[:-1]


@pytest.mark.parametrize("iterations", [1, 3, 50])
def test_patches_are_shared_out_by_sinkhorns_algorithm(iterations):
    scores = np.random.default_rng(0).normal(size=(2, 3, 7))

    shares = transport(torch.tensor(scores), torch.tensor(0.3, dtype=torch.float64), iterations).numpy()

    np.testing.assert_allclose(shares, [sinkhorn(one, 0.3, iterations) for one in scores], rtol=1e-10)
    assert (shares.sum(axis=1) < 1).all(), "what is left is the dust bin's"
    if iterations == 50:
        np.testing.assert_allclose(shares.sum(axis=2), 1, rtol=1e-6)


def test_transport_does_not_overflow():
    scores = torch.tensor([[[1000.0, -1000, 0], [0, 1000, -1000]]])

    assert transport(scores, torch.tensor(0.0)).isfinite().all()


def test_a_photo_of_fewer_patches_than_clusters():
    with pytest.raises(InputError, match="a photo of 4 patches is too small: the network has 4 clusters"):
        transport(torch.zeros(1, 4, 4), torch.tensor(0.0))


def test_salad_sums_shares_by_cluster_beside_the_scene():
    module = Salad(4, 5, 2, 3, 6)
    module.load_state_dict({key: torch.randn_like(value) for key, value in module.state_dict().items()})
    tokens = torch.randn(1, 8, 4)

    result = module(tokens)[0].detach().numpy()

    state = {key: value.numpy().squeeze().astype(float) for key, value in module.state_dict().items()}

    def perceptron(name, first, second, vector):
        hidden = np.maximum(state[f"{name}.{first}.weight"] @ vector + state[f"{name}.{first}.bias"], 0)
        return state[f"{name}.{second}.weight"] @ hidden + state[f"{name}.{second}.bias"]

    scene, *patches = tokens[0].numpy().astype(float)
    shares = sinkhorn(np.stack([perceptron("score", 0, 3, patch) for patch in patches], axis=1), state["dust_bin"], 3)
    sums = np.zeros((3, 2))
    for number, patch in enumerate(patches):
        for cluster in range(2):
            sums[:, cluster] += shares[cluster, number] * perceptron("cluster_features", 0, 3, patch)
    sums /= np.sqrt((sums**2).sum(axis=0))
    token = perceptron("token_features", 0, 2, scene)
    expected = np.concatenate([token / np.linalg.norm(token), sums.ravel()])
    np.testing.assert_allclose(result, expected / np.linalg.norm(expected), rtol=1e-4, atol=1e-5)


# --- Sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(40, 33), (200, 170)])
def test_photos_are_resized_as_pillow_does(mode, size):
    coarse = np.random.default_rng(0).integers(64, 192, (16, 20, 3))  # Pillow cuts what overshoots after each pass
    pixels = np.kron(coarse, np.ones((8, 8, 1))).astype(np.uint8)
    result = to_size(as_tensor(pixels[None]), *size, mode)[0].permute(1, 2, 0).numpy()

    expected = np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling[mode.upper()]), float) / 255
    assert result.shape == expected.shape
    assert np.abs(result.clip(0, 1) - expected).max() < 0.01


@pytest.mark.parametrize(("shape", "expected"), [((13, 70), (14, 70)), ((5, 78), (14, 84)), ((34, 36), (28, 42))])
def test_photos_become_whole_patches(shape, expected):
    assert to_whole_patches(torch.zeros(1, 3, *shape), 14, 14).shape[2:] == expected


def test_a_photo_of_the_right_size_stays_as_it_is():
    photo = torch.rand(1, 3, 28, 42)

    assert to_whole_patches(photo, 14, 14) is photo
