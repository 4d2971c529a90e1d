"""What the job of an attack is given: options, networks with what they have learnt, files."""

import shlex

from cvpire import layout
from cvpire.config import as_options
from cvpire.config.attacks import BESIDE_THE_ATTACK, MemberOptions
from cvpire.config.evaluation import DatabaseOptions
from cvpire.config.networks import NetworkOptions
from cvpire.plan.run import Plan


def attack_options(plan: Plan, dataset: str, attack: str) -> str:
    """Options of `cvpire attack`: what its result depends on, and nothing else."""
    options = plan.config.attacks[attack]
    words = [as_options(options, *(type(options).model_fields.keys() - set(BESIDE_THE_ATTACK)))]
    networks = members(plan, dataset, attack)
    if len(networks) == 1 and networks[0].learnt_file is None:
        words.append(plan.system_options(*options.attacked, **_changed(plan, attack, *options.attacked)))
    else:
        words.append(shlex.join(word for member in networks for word in ("--member", str(member))))
    words += ["--attack", attack, "--seed", str(plan.config.seed)]
    saves = not plan.config.keep_perturbations or options.sees_files
    return " ".join([*words, as_options(options.saving)] if saves else words)


def members(plan: Plan, dataset: str, attack: str) -> list[MemberOptions]:
    """The attacked networks, with what they have learnt from a dataset's database."""
    options = plan.config.attacks[attack]
    weights = options.network_weights or [1.0] * len(options.attacked)
    kept = NetworkOptions.model_fields.keys() - (DatabaseOptions.model_fields.keys() - {"learnt"})
    return [
        MemberOptions(
            **plan.config.networks[network].model_dump(include=kept)
            | {"weights": plan.find(plan.config.networks[network].weights)}
            | _changed(plan, attack, network),
            weight=weight,
            learnt_file=next(iter(learnt(plan, dataset, attack, network)), None),
        )
        for network, weight in zip(options.attacked, weights, strict=True)
    ]


def learnt(plan: Plan, dataset: str, attack: str, network: str) -> list[str]:
    """The file of what an attacked network has learnt from a database, where the attack needs it."""
    if _is_centred(plan, attack, network):
        return [layout.CENTRED.format(dataset=dataset, victim=network)]
    needed = plan.config.networks[network].learnt != "nothing" or plan.config.attacks[attack].needs_unrelated
    return [layout.LEARNT.format(dataset=dataset, victim=network)] if needed else []


def _changed(plan: Plan, attack: str, network: str) -> dict[str, str]:
    """Options of a network that an attack sets otherwise than the configuration, which is for ranking."""
    precision = plan.config.attacks[attack].precision
    changed = {"precision": precision} if precision else {}
    return changed | ({"learnt": "centre"} if _is_centred(plan, attack, network) else {})


def _is_centred(plan: Plan, attack: str, network: str) -> bool:
    return plan.config.attacks[attack].centre and plan.config.networks[network].learnt == "nothing"


def attack_inputs(plan: Plan, dataset: str, attack: str) -> list[str]:
    """Files that an attack reads beside photo and map: weights, what networks have learnt, the target."""
    options = plan.config.attacks[attack]
    files = [file for network in options.attacked for file in plan.weights(network)]
    files += [file for network in options.attacked for file in learnt(plan, dataset, attack, network)]
    return [*dict.fromkeys(files), *([options.target] if options.target else [])]
