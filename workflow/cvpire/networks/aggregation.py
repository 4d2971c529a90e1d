"""From feature maps or tokens to one vector by layers that were trained for it, as place recognition has them.

Modules have the names that the authors' checkpoints give to their weights.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from cvpire.errors import InputError
from cvpire.networks.pooling import gem


class NormalisedGem(nn.Module):
    """GeM of feature maps whose vectors have unit length at each place, and a linear layer.

    Parameters
    ----------
    power : float
        Exponent of GeM.
    layer : nn.Linear
        D to E dimensions.

    References
    ----------
    Berton, Masone and Caputo, "Rethinking visual geo-localization for large-scale applications", CVPR (2022).
    Berton, Trivigno, Caputo and Masone, "EigenPlaces: training viewpoint robust models for visual place recognition",
    ICCV (2023).
    """

    def __init__(self, power: float, layer: nn.Linear) -> None:
        super().__init__()
        self.power, self.layer = power, layer

    def forward(self, features: Tensor) -> Tensor:
        """Feature maps (B, D, h, w) to vectors (B, E)."""
        return self.layer(gem(normalize(features, dim=1), self.power))


class MixVpr(nn.Module):
    """Mix each channel over all places by perceptrons, then project channels, then places.

    With F of shape (D, h w), each mixing layer is F + W2 ReLU(W1 LayerNorm(F)) along the places; the vector is
    (Wd F) Wr, E channels by r rows.

    Parameters
    ----------
    channels, places, hidden, depth, out_channels, rows : int
        D, h w, width of the perceptrons, number of layers, E, r.
    row_bias : bool
        Whether the last projection has a bias.

    References
    ----------
    Ali-bey, Chaib-draa and Giguère, "MixVPR: feature mixing for visual place recognition", WACV (2023).
    """

    def __init__(
        self, channels: int, places: int, hidden: int, depth: int, out_channels: int, rows: int, row_bias: bool
    ) -> None:
        super().__init__()
        self.mix = nn.Sequential(*(_MixingLayer(places, hidden) for _ in range(depth)))
        self.channel_proj = nn.Linear(channels, out_channels)
        self.row_proj = nn.Linear(places, rows, bias=row_bias)

    def forward(self, features: Tensor) -> Tensor:
        """Feature maps (B, D, h, w) to vectors (B, E r)."""
        mixed = self.mix(features.flatten(2))
        return self.row_proj(self.channel_proj(mixed.mT).mT).flatten(1)


class _MixingLayer(nn.Module):
    def __init__(self, places: int, hidden: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.LayerNorm(places), nn.Linear(places, hidden), nn.ReLU(), nn.Linear(hidden, places))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.mix(features)


class Salad(nn.Module):
    """Share local features out to clusters by optimal transport, sum them up by cluster, and add the scene's token.

    Parameters
    ----------
    channels, hidden, clusters, cluster_channels, token_channels : int
        D, width of the perceptrons, m, l, g.

    References
    ----------
    Izquierdo and Civera, "Optimal transport aggregation for visual place recognition", CVPR (2024).
    """

    def __init__(self, channels: int, hidden: int, clusters: int, cluster_channels: int, token_channels: int) -> None:
        super().__init__()
        self.dimensions = token_channels + clusters * cluster_channels
        self.token_features = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, token_channels))
        self.cluster_features = _perceptron(channels, hidden, cluster_channels)
        self.score = _perceptron(channels, hidden, clusters)
        self.dust_bin = nn.Parameter(torch.ones(()))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, 1 + n, D), the class token first, to unit vectors (B, g + l m).

        Raises
        ------
        InputError
            There are no more patches than clusters.
        """
        scene, patches = tokens[:, 0], tokens[:, 1:].mT.unsqueeze(3)
        shares = transport(self.score(patches).flatten(2), self.dust_bin)
        sums = self.cluster_features(patches).flatten(2) @ shares.mT
        parts = [normalize(self.token_features(scene), dim=1), normalize(sums, dim=1).flatten(1)]
        return normalize(torch.cat(parts, dim=1), dim=1)


def _perceptron(channels: int, hidden: int, out_channels: int) -> nn.Sequential:
    # In training, dropout stands where nothing does here.
    return nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.Identity(), nn.ReLU(), nn.Conv2d(hidden, out_channels, 1))


def transport(scores: Tensor, dust_bin: Tensor, iterations: int = 3) -> Tensor:
    """Share patches out to clusters, each patch whole, each cluster as much as one patch, the rest to a dust bin.

    P = diag(u) exp(S) diag(v), with S the scores and a row for the dust bin; by Sinkhorn's algorithm rows are scaled to
    the sums 1, ..., 1, n - m, then columns to the sum 1, in turn. Computed with logarithms.

    Parameters
    ----------
    scores : Tensor, shape (B, m, n)
        Of m clusters for n patches.
    dust_bin : Tensor, shape ()
        The dust bin's score for every patch.
    iterations : int
        Of the algorithm.

    Returns
    -------
    Tensor, shape (B, m, n)
        Shares in [0, 1], without those of the dust bin.

    Raises
    ------
    InputError
        n is not larger than m.

    References
    ----------
    Cuturi, "Sinkhorn distances: lightspeed computation of optimal transport", NIPS (2013).
    Izquierdo and Civera, "Optimal transport aggregation for visual place recognition", CVPR (2024), section 3.2.
    """
    batch, clusters, patches = scores.shape
    if patches <= clusters:
        raise InputError(f"a photo of {patches} patches is too small: the network has {clusters} clusters, give more")
    logits = torch.cat([scores, dust_bin.expand(batch, 1, patches)], dim=1)
    targets = scores.new_zeros(clusters + 1, 1)
    targets[-1] = math.log(patches - clusters)
    for _ in range(iterations):
        logits = logits + targets - logits.logsumexp(dim=2, keepdim=True)
        logits = logits - logits.logsumexp(dim=1, keepdim=True)
    return logits[:, :-1].exp()
