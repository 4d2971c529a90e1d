"""What a run will need before it starts: downloads, attack iterations, disk."""

import pandas as pd

from cvpire import layout
from cvpire.datasets.benchmarks import BENCHMARKS
from cvpire.networks.catalogue import ARCHITECTURES
from cvpire.plan import outputs
from cvpire.plan.run import Plan

PIXELS = 1024 * 768
"""Pixels of a photo at native size: the queries of Oxford-5k have 0.776 million on average."""

BYTES = {"jpeg": 0.26, "png": 2.0}
"""Bytes a pixel by format. The published adversarial queries (JPEG, quality 75) have 0.20 to 0.26, PIRE's most."""


def estimate(plan: Plan) -> pd.DataFrame:
    """Estimate what a run takes.

    Parameters
    ----------
    plan : Plan
        Of the run; nothing of it needs to be downloaded yet.

    Returns
    -------
    DataFrame
        Columns `what`, `dataset`, `count`, `unit` and `megabytes`, what stays on the disk at the end. Of the attack, an
        iteration is one forward and backward pass of one photo at one multiplier: of each version that is sampled, by
        each network that sees it. A query is ranked as often as it has versions: by attacks, transformations and
        systems. Vectors of networks stand for all descriptors. Perturbations that are not kept never reach the disk.
        Archives (.tgz, .zip) are unpacked and kept.
    """
    config = plan.config
    needed = {network.weights for network in config.networks.values()}
    needed = needed.union(*(planned.downloads for planned in plan.datasets.values()))
    is_audited = config.audit is not None and config.audit.published is None
    if is_audited:
        needed.add(outputs.AUTHORS_REPOSITORY)
    downloads = {name: plan.downloads[name].megabytes for name in sorted(needed & plan.downloads.keys())}
    archives = {name: size for name, size in downloads.items() if name.endswith((".tgz", ".zip"))}
    rows = [
        (what, "", len(files), "files", sum(files.values()))
        for what, files in (("downloads", downloads), ("archives, unpacked", archives))
        if files
    ]
    # Maps that bound an attack, and those that a figure shows beside them.
    made = set(plan.all_maps()).union(*(outputs.figure_inputs(plan, number) for number in config.figures))
    for name, planned in plan.datasets.items():
        options, queries = config.datasets[name], len(planned.queries)
        pixels = PIXELS if options.longest_side is None else min(PIXELS, 0.75 * options.longest_side**2)
        photo = queries * pixels / 1e6  # megabytes of all queries at one byte a pixel
        attacks = [config.attacks[attack] for attack in config.attacks_on(name)]
        variants = [len(attack.multipliers) * len(attack.checkpoints) for attack in attacks]
        passes = sum(attack.runs * attack.checkpoints[-1] * attack.seen for attack in attacks)
        folder = layout.VARIANCE.partition("{map}")[0].format(dataset=name)
        maps = sum(file.startswith(folder) for file in made)
        victims = config.victims_on(name)
        networks = [victim for victim in victims if victim in config.networks]
        ranked = len(victims) * (2 if config.saves_plainly(name) else 1)  # versions of a query, unattacked
        ranked += sum(
            len(config.victims_of(attack, name)) * many
            for attack, many in zip(config.attacks_on(name), variants, strict=True)
        )
        ranked += sum(len(plan.transformed_attacks(name, victim)) for victim in victims) * len(
            config.transformations_on(name)
        )
        saved = sum(count * BYTES[attack.saving.format] for count, attack in zip(variants, attacks, strict=True))
        kept = sum(variants) * photo if config.keep_perturbations else 0.0
        dimensions = sum(ARCHITECTURES[config.networks[victim].architecture].dimensions for victim in networks)
        rows += [
            ("queries, read", name, queries, "photos", BYTES["png"] * photo),
            ("variance maps", name, maps, "maps", 4 * maps * pixels / 1e6),
            ("attack", name, queries * passes, "iterations", 0.0),
            ("perturbations", name, queries * sum(variants), "perturbations", 3 * 4 * kept),
            ("adversarial queries", name, queries * sum(variants), "photos", saved * photo),
            ("queries, ranked", name, queries * ranked, "photos", 0.0),
            ("descriptors", name, planned.size * len(victims), "photos", 4 * planned.size * dimensions / 1e6),
        ]
    if is_audited:
        # Three methods; the table and the figure that come of it are small.
        rows.append(("audit", config.audit.dataset, 3 * BENCHMARKS[config.audit.dataset].queries, "photos", 0.0))
    return pd.DataFrame(rows, columns=["what", "dataset", "count", "unit", "megabytes"]).round({"megabytes": 1})


def summary(table: pd.DataFrame) -> str:
    """An estimate as people read it."""
    iterations = int(table.loc[table["unit"] == "iterations", "count"].sum())
    return (
        f"{table.to_markdown(index=False, floatfmt=',.0f', intfmt=',')}\n\n"
        f"{iterations:,} attack iterations; {table['megabytes'].sum() / 1000:,.1f} GB on the disk at the end, "
        "and no more on the way there."
    )
