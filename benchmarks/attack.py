"""The attack against bare passes of the same network, and against the loop of the thesis's released code."""

import tempfile
import time
from pathlib import Path

import torch
from cvpire.attack.loop import attack
from cvpire.attack.start import start_noise
from cvpire.config import AttackOptions, NetworkOptions
from cvpire.networks.convolutional import convolutions, torchvision_network
from cvpire.networks.network import Network, load_network
from torch import Tensor, nn

from benchmarks.timing import Line, compare

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
RELEASED = {"objective": "descriptor-sum", "bound_space": "normalised", "projection": "before-step"}


def lines(rounds: int = 3) -> list[Line]:
    """Compare attacks on a small and on the thesis's network and photo size, on every device that there is."""
    found = []
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        found += small_network(device, rounds) + thesis_network(device, rounds)
    return found


def small_network(device: str, rounds: int) -> list[Line]:
    """EfficientNet-Lite0 on a photo of the demo's size."""
    network = load_network(NetworkOptions(**IMAGENET), device)
    return [
        against_bare_passes("EfficientNet-Lite0, 256 x 192", network, (192, 256), multipliers, 10, rounds)
        for multipliers in ([50.0], [20.0, 50.0, 80.0])
    ]


def thesis_network(device: str, rounds: int) -> list[Line]:
    """ResNet-101 on a photo of Oxford-5k's size; its weights are random, which changes no speed."""
    torch.manual_seed(0)
    body = random_resnet()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "resnet101-gem.pth"
        state = {f"features.{key}": value for key, value in body.state_dict().items()}
        torch.save({"meta": {"architecture": "resnet101"}, "state_dict": state}, checkpoint)
        options = NetworkOptions(architecture="resnet101", weights=str(checkpoint), **IMAGENET)
        networks = {
            precision: load_network(options.model_copy(update={"precision": precision}), device)
            for precision in (["bfloat16", "float32"] if device == "cpu" else ["bfloat16", "tf32", "float32"])
        }
    name, shape = "ResNet-101, 1024 x 768", (768, 1024)
    steps, multipliers = (2, [50.0]) if device == "cpu" else (20, [10.0, 20.0, 30.0, 40.0, 50.0, 75.0, 100.0])
    found = [against_bare_passes(name, networks["float32"], shape, multipliers, steps, rounds)]
    found.append(against_released_loop(name, networks["float32"], body, shape, multipliers, steps, rounds))
    for precision in list(networks)[:-1]:
        found.append(against_full_precision(name, precision, networks, shape, multipliers, steps, rounds))
    return found


def random_resnet() -> nn.Module:
    """A ResNet-101 without its last two modules, whose activations neither vanish nor explode."""
    network = convolutions(torchvision_network("resnet101")).to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
            module.momentum = 1.0  # the statistics of the pass below
    with torch.no_grad():
        network.train()(torch.rand(2, 3, 224, 224))
    return network.eval()


def against_bare_passes(
    name: str, network: Network, shape: tuple[int, int], multipliers: list[float], steps: int, rounds: int
) -> Line:
    """An iteration of the attack against one forward and backward pass of the same batch."""
    device = next(network.parameters()).device
    batch = torch.rand(len(multipliers), 3, *shape, device=device)
    batch = batch.contiguous(memory_format=torch.channels_last).requires_grad_()

    def bare() -> None:
        for _ in range(steps):
            torch.autograd.grad(network(batch).sum(), batch)
        finish(device)

    own, others = [], []
    bare()
    for _ in range(rounds):
        own.append(seconds_a_step(network, shape, multipliers, steps))
        start = time.perf_counter()
        bare()
        others.append((time.perf_counter() - start) / steps)
    what = f"attack iteration, {name}, {len(multipliers)} bounds"
    return compare(what, "forward and backward pass", own, others, "<= 1.1", label(device))


def against_released_loop(
    name: str,
    network: Network,
    body: nn.Module,
    shape: tuple[int, int],
    multipliers: list[float],
    steps: int,
    rounds: int,
) -> Line:
    """All bounds in one batch against one loop a bound, as the released code has it."""
    device = next(network.parameters()).device
    body = body.to(device).requires_grad_(False)
    own, others = [], []
    for _ in range(rounds):
        own.append(seconds_a_step(network, shape, multipliers, steps))
        photo = torch.rand(1, 3, *shape, device=device)
        others.append(sum(released_loop(body, photo, multiplier, steps) for multiplier in multipliers))
    what = f"attack, {name}, {len(multipliers)} bounds, an iteration"
    goal = ">= 1.5" if device.type == "cpu" else ">= 3"
    return compare(what, "released code's loop", own, others, goal, label(device))


def against_full_precision(
    name: str,
    precision: str,
    networks: dict[str, Network],
    shape: tuple[int, int],
    multipliers: list[float],
    steps: int,
    rounds: int,
) -> Line:
    """An attack with less precision against float32."""
    device = next(networks[precision].parameters()).device

    def at(wanted: str) -> float:
        torch.backends.cudnn.conv.fp32_precision = "tf32" if wanted == "tf32" else "ieee"
        return seconds_a_step(networks[wanted], shape, multipliers, steps)

    own, others = zip(*((at(precision), at("float32")) for _ in range(rounds)), strict=True)
    return compare(f"attack iteration, {name}, {precision}", "float32", own, others, device=label(device))


def seconds_a_step(network: Network, shape: tuple[int, int], multipliers: list[float], steps: int) -> float:
    """Seconds of an iteration of the attack, start and end left out."""
    device = next(network.parameters()).device
    times: list[float] = []

    def progress(done: int, of: int) -> None:
        if not times or done == of:
            finish(device)
        times.append(time.perf_counter())

    first, *others = multipliers
    method = AttackOptions(multiplier=first, other_multipliers=others, iterations=steps + 1, **RELEASED)
    attack(
        torch.rand(3, *shape, device=device),
        torch.rand(shape, device=device),
        network,
        method,
        start=start_noise(0, "photo", "attack", multipliers, shape).to(device),
        progress=progress,
    )
    return (times[-1] - times[0]) / (len(times) - 1) * (len(times) / (steps + 1))


def released_loop(body: nn.Module, image: Tensor, multiplier: float, steps: int) -> float:
    """Seconds of an iteration of the released code, for one bound, start left out as it is for the attack.

    It has a photo that wants gradients, batch norm, and a loss that is read at each step. Its weights are frozen, as
    ours are. It computes the distance of the descriptors, and then maximises their sum.
    """
    bound = torch.full_like(image, multiplier / 255)
    image = image.clone().requires_grad_()
    perturbation = ((torch.rand_like(image) * 2 - 1) * bound).detach().requires_grad_()
    optimiser = torch.optim.Adam([perturbation], lr=0.05)
    original = described(body, image)
    for step in range(steps + 1):
        if step == 1:
            finish(image.device)
            start = time.perf_counter()
        descriptor = described(body, image + perturbation)
        (descriptor - original).square().sum().item()
        optimiser.zero_grad()
        perturbation.data = torch.max(torch.min(perturbation.data, bound), -bound)
        (-descriptor.sum()).backward(retain_graph=True)
        optimiser.step()
    finish(image.device)
    return (time.perf_counter() - start) / steps


def described(body: nn.Module, image: Tensor) -> Tensor:
    """GeM descriptor of a photo."""
    features = body(image).clamp(min=1e-6)
    return nn.functional.normalize(nn.functional.avg_pool2d(features.pow(3), features.shape[-2:]).pow(1 / 3), dim=1)


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def label(device: torch.device) -> str:
    """Name of a device in the table."""
    return "GPU" if device.type == "cuda" else "CPU"
