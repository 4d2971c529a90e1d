"""How many bounds of an attack are one batch: as many as memory holds."""

from collections.abc import Callable

import torch
from torch import Tensor

from cvpire.errors import lacks_memory

_CPU_BATCH = 2**30
"""Bytes that a batch may keep for its backward pass on a processor, where larger batches are no faster."""

_GPU_SHARE = 0.7
"""Share of a GPU's free memory for the same; the rest is for gradients and the workspace of convolutions."""


def describe_and_weigh(describe: Callable[[Tensor], Tensor], image: Tensor) -> tuple[Tensor, int]:
    """Descriptor of a photo, and the bytes that its forward pass keeps for the backward pass, weights included."""
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> None:
        # The graph gets nothing: it would hold itself by its own results, and the memory until Python looks for cycles.
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda nothing: nothing):
        descriptor = describe(image.detach().requires_grad_()).detach()
    return descriptor, max(1, sum(storage.nbytes() for storage in kept.values()))


def in_batches(run: Callable[[slice], Tensor], count: int, size: int) -> Tensor:
    """Run over `count` items in batches, halved where memory does not suffice; of one item the error is raised."""
    parts: list[Tensor] = []
    begun, size = 0, min(max(size, 1), count)
    while begun < count:
        try:
            parts.append(run(slice(begun, min(begun + size, count))))
        except RuntimeError as error:
            if size == 1 or not lacks_memory(error):
                raise
        else:
            begun += size
            continue
        # After the handler, because its error keeps alive what filled the memory.
        size //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return torch.cat(parts)


def memory_for_batch(device: torch.device) -> float:
    """Bytes that a batch may keep for its backward pass."""
    if device.type != "cuda":
        return _CPU_BATCH
    free, _ = torch.cuda.mem_get_info(device)
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return _GPU_SHARE * (free + unused)
