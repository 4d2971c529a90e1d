"""What an attack maximises.

Each function takes descriptors of perturbed photos (B, D), that of the original (1, D), and what it is told beside
them; it gives the sum of the B values: photos do not influence each other, so the slope by each perturbation is that of
its own value.

Of unit vectors the squared distance is 2 - 2 s, with s the similarity (cosine). So the opposite descriptor, which ODFA
[1]_ goes for, at a squared distance of 2 + 2 s, lies in the direction of eq. 3.1: it is no objective of its own.

References
----------
.. [1] Zheng et al., "Query attack via opposite-direction feature: towards robust image retrieval", arXiv:1809.02681
   (2018).
.. [2] Tolias, Radenović and Chum, "Targeted mismatch adversarial attack: query with a flower to retrieve the tower",
   ICCV 2019.
"""

from torch import Tensor


def descriptor_distance(descriptors: Tensor, original: Tensor) -> Tensor:
    """Squared distance of the descriptors (eq. 3.1)."""
    return (descriptors - original).square().sum()


def descriptor_sum(descriptors: Tensor, original: Tensor) -> Tensor:
    """Sum of the perturbed photo's descriptor, as the released code has it."""
    return descriptors.sum()


def similarity(descriptors: Tensor, original: Tensor, unrelated: float = 0.0) -> Tensor:
    """How far the similarity (cosine) of unit vectors is above that of unrelated photos, negative; below it: 0.

    A photo that is as unlike its original as any other is found by chance only. Pushed further it would be found by who
    ranks from the other end (section 3.3.2).
    """
    return -((descriptors * original).sum(dim=1) - unrelated).clamp(min=0).sum()


def target(descriptors: Tensor, original: Tensor, goal: Tensor) -> Tensor:
    """Similarity (cosine) of unit vectors to the descriptor of another photo (1, D), as targeted mismatch [2]_."""
    return (descriptors * goal).sum()


OBJECTIVES = {
    "descriptor-distance": descriptor_distance,
    "descriptor-sum": descriptor_sum,
    "similarity": similarity,
    "target": target,
}
"""By name; `cvpire.attack.catalogue` has the same names."""
