"""Which modules of the package a job's result depends on, where an entry of a catalogue decides it.

`cvpire.sources` follows imports; what is imported by a name in a catalogue it cannot see.
"""

from cvpire.attack.catalogue import OPTIMISERS, RENDERINGS
from cvpire.datasets.catalogue import KINDS
from cvpire.figures.catalogue import CATALOGUE as FIGURES
from cvpire.measures import QUALITY
from cvpire.networks.catalogue import ARCHITECTURES
from cvpire.plan.run import Plan
from cvpire.retrieval.systems.catalogue import KINDS as SYSTEMS
from cvpire.tables.catalogue import CATALOGUE as TABLES
from cvpire.transformations.catalogue import KINDS as STEPS
from cvpire.variance.catalogue import KINDS as MAPS


def listing(plan: Plan, dataset: str) -> list[str]:
    """Of `cvpire dataset`."""
    kind = KINDS[plan.config.datasets[dataset].kind]
    return [kind.read.__module__.removeprefix("cvpire."), "datasets.listing"]


def variance(plan: Plan, map: str) -> list[str]:
    """Of `cvpire variance`."""
    return ["variance.maps", f"variance.{MAPS[plan.config.variance[map].kind].module}", "photos"]


def descriptors(plan: Plan, victim: str) -> list[str]:
    """Of `cvpire describe`."""
    stage = [f"retrieval.{module}" for module in ("describing", "descriptors", "shards", "systems.loading")]
    return [*stage, "photos", *system(plan, victim)]


def learning(plan: Plan, victim: str) -> list[str]:
    """Of `cvpire learn`."""
    return ["retrieval.systems.loading", "retrieval.learnt", *system(plan, victim)]


def ranking(plan: Plan, victim: str) -> list[str]:
    """Of `cvpire rank`."""
    return ["retrieval.systems.loading", "retrieval.ranking", *system(plan, victim)]


def transformation(plan: Plan, name: str) -> list[str]:
    """Of what happens to a query before it is ranked."""
    kinds = [STEPS[step.kind].function for step in plan.config.transformations[name]]
    return ["transformations.transform", *(f"transformations.{_module(function)}" for function in kinds)]


def system(plan: Plan, victim: str) -> list[str]:
    """Of whatever loads a retrieval system."""
    if victim in plan.config.networks:
        return network(plan, victim)
    return [f"retrieval.systems.{SYSTEMS[plan.config.systems[victim].kind].module}"]


def network(plan: Plan, network: str) -> list[str]:
    """Of whatever loads a network."""
    return ["networks.network", f"networks.{ARCHITECTURES[plan.config.networks[network].architecture].module}"]


def attack(plan: Plan, attack: str) -> list[str]:
    """Of `cvpire attack`."""
    options = plan.config.attacks[attack]
    named = [OPTIMISERS[options.optimiser], *(RENDERINGS[name] for name in options.through)]
    chosen = [f"attack.{_module(each.function)}" for each in named]
    saving = [] if plan.config.keep_perturbations else ["saving"]
    if options.calibrates:
        saving += ["attack.calibration", *quality()]
    networks = [module for name in options.attacked for module in network(plan, name)]
    return ["attack.loop", "attack.loading", *chosen, *saving, "perturbations", "photos", *dict.fromkeys(networks)]


def quality() -> list[str]:
    """Of `cvpire quality`."""
    return ["quality.compare", *dict.fromkeys(f"quality.{_module(measure.function)}" for measure in QUALITY), "photos"]


def table(name: str) -> list[str]:
    """Of `cvpire table`."""
    return [f"tables.{_module(TABLES[name].make)}", "figures.tabular"]


def figure(number: str) -> list[str]:
    """Of `cvpire figure`."""
    return [f"figures.{FIGURES[number].module}"]


def audit() -> list[str]:
    """Of `cvpire audit`, which computes maps and measures image quality again."""
    return ["audit.report", *(f"variance.{map.module}" for map in MAPS.values()), *quality()]


def _module(function: str) -> str:
    return function.partition(":")[0]
