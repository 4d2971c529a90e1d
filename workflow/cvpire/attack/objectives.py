"""What an attack maximises.

Each function takes descriptors of perturbed photos (B, D) and that of the original (1, D), and gives the sum of the B
values: photos do not influence each other, so the slope by each perturbation is that of its own value.
"""

from torch import Tensor


def descriptor_distance(descriptors: Tensor, original: Tensor) -> Tensor:
    """Squared distance of the descriptors (eq. 3.1)."""
    return (descriptors - original).square().sum()


def descriptor_sum(descriptors: Tensor, original: Tensor) -> Tensor:
    """Sum of the perturbed photo's descriptor, as the released code has it."""
    return descriptors.sum()


OBJECTIVES = {"descriptor-distance": descriptor_distance, "descriptor-sum": descriptor_sum}
"""By name; `cvpire.attack.catalogue` has the same names."""
