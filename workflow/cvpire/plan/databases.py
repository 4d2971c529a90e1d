"""Databases as systems see them: descriptors, what is learnt from them, and what queries are ranked against."""

import re
import shlex
from pathlib import Path

from cvpire import layout
from cvpire.plan.run import Plan, argument
from cvpire.retrieval.shards import shard_count, shard_members
from cvpire.retrieval.systems.catalogue import KINDS


def shards(plan: Plan, dataset: str) -> int:
    """Number of descriptor shards of a database."""
    return shard_count(plan.datasets[dataset].size, plan.config.retrieval.shard_size)


def shard_photos(plan: Plan, dataset: str, shard: int) -> list[str] | None:
    """Photos of a shard; None where they are known only after the downloads."""
    planned = plan.datasets[dataset]
    if planned.database is None:
        return None
    return [str(planned.photos[photo]) for photo in shard_members(planned.database, shard, shards(plan, dataset))]


def shard_sources(plan: Plan, dataset: str, shard: int) -> list[str]:
    """What a shard depends on."""
    photos = shard_photos(plan, dataset, shard)
    return [layout.LISTING.format(dataset=dataset), plan.datasets[dataset].unpacked] if photos is None else photos


def shard_words(plan: Plan, dataset: str, shard: int) -> str:
    """Which photos `cvpire describe` takes."""
    photos = shard_photos(plan, dataset, shard)
    if photos is None:
        words = ["--dataset", layout.LISTING.format(dataset=dataset)]
        return shlex.join([*words, "--shard", str(shard), "--of", str(shards(plan, dataset))])
    return shlex.join(map(argument, photos))


def descriptors(plan: Plan, dataset: str, victim: str) -> list[str]:
    """Descriptor shards of a database; the empty ones of small databases are left out."""
    template = layout.FEATURES if plan.config.has_local_features(victim) else layout.DESCRIPTORS
    return [
        template.format(dataset=dataset, victim=victim, shard=f"{shard:03d}")
        for shard in range(shards(plan, dataset))
        if shard_photos(plan, dataset, shard) != []
    ]


def describing(plan: Plan, *, local: bool) -> str:
    """Pattern of the systems that keep local features of photos, or of those that keep a descriptor."""
    names = [victim for victim in plan.victims if plan.config.has_local_features(victim) == local]
    return "|".join(map(re.escape, names)) or "(?!)"  # which nothing matches


def distractors(plan: Plan, dataset: str, victim: str) -> list[str]:
    """Descriptor shards of a dataset's wrong answers, where it has any."""
    added = plan.config.datasets[dataset].distractors
    return [
        layout.DISTRACTORS.format(distractors=added, victim=victim, shard=f"{shard:04d}")
        for shard in (range(len(plan.distractor_shards[added])) if added else ())
    ]


def distractor_words(plan: Plan, distractors: str, shard: int) -> str:
    """Which photos `cvpire describe` takes of a folder of wrong answers."""
    words = ["--folder", plan.config.distractors[distractors].folder, "--shard", str(shard)]
    return shlex.join([*words, "--of", str(len(plan.distractor_shards[distractors]))])


def described(plan: Plan, dataset: str, victim: str) -> list[str]:
    """Shards of a database, and the files that name their photos."""
    shards = descriptors(plan, dataset, victim)
    return [*shards, *layout.names_of(shards)]


def ranked(plan: Plan, dataset: str, victim: str) -> list[str]:
    """All shards that queries are ranked against, and the files that name their photos."""
    shards = [*descriptors(plan, dataset, victim), *distractors(plan, dataset, victim)]
    return [*shards, *layout.names_of(shards), *learnt(plan, dataset, victim)]


def learnt(plan: Plan, dataset: str, victim: str) -> list[str]:
    """The file of what a system learns from a database, where it learns anything."""
    system = plan.config.system(victim)
    has_words = victim in plan.config.systems and KINDS[system.kind].learns
    learns = has_words or system.learnt != "nothing"
    return [layout.LEARNT.format(dataset=dataset, victim=victim)] if learns else []


def descriptor_options(plan: Plan, dataset: str, victim: str) -> str:
    """Options of a command that reads the shards of a database."""
    return shlex.join(word for file in descriptors(plan, dataset, victim) for word in ("--descriptors", file))


def shard_options(plan: Plan, dataset: str, victim: str) -> str:
    """Options of `cvpire rank`: what the queries are ranked against, and what is learnt from it."""
    words = [descriptor_options(plan, dataset, victim)]
    if added := plan.config.datasets[dataset].distractors:
        shard = layout.DISTRACTORS.format(distractors=added, victim=victim, shard="0")
        words.append(shlex.join(["--distractors", str(Path(shard).parent)]))
    words += [shlex.join(["--learnt-file", file]) for file in learnt(plan, dataset, victim)]
    return " ".join(words)


def transformed_options(plan: Plan, dataset: str, victim: str) -> str:
    """Options of `cvpire rank-transformed`: the folder of each attack's queries as in Table 4.1."""
    words = []
    for attack in plan.transformed_attacks(dataset, victim):
        folder = layout.QUERIES.format(dataset=dataset, attack=attack)
        words += ["--queries", f"{attack}={folder}/{plan.headline_variant(attack)}"]
    return shlex.join(words)
