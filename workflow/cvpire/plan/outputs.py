"""Which tables and figures a run makes, from what and with which options, as the entries of the catalogues say."""

from pathlib import Path

from cvpire import layout
from cvpire.config import AuditOptions, FigureOptions, TableOptions
from cvpire.datasets.benchmarks import THESIS
from cvpire.errors import InputError
from cvpire.figures.catalogue import CATALOGUE as FIGURES
from cvpire.plan.inputs import refuse_patterns
from cvpire.plan.run import Plan
from cvpire.tables.catalogue import CATALOGUE as TABLES
from cvpire.tables.catalogue import file_of
from cvpire.variance.catalogue import KINDS as MAPS

# --- Tables ---


def tables(plan: Plan) -> list[str]:
    """The tables of a run, in the order of the catalogue."""
    return [
        name
        for name, table in TABLES.items()
        if table.wanted and (table.section is None or table.section in plan.config.tables) and table.when(plan.config)
    ]


def table_stems(plan: Plan) -> dict[str, str]:
    """Where the tables lie that a run makes, or can make on demand, by name."""
    on_demand = [name for name, table in TABLES.items() if not table.wanted]
    return {name: table_stem(name) for name in [*tables(plan), *on_demand]}


def table_stem(name: str) -> str:
    """Where a table lies, without suffix."""
    return layout.TABLE.format(file=file_of(name))


def table_inputs(plan: Plan, name: str) -> list[str]:
    """What a table is made from; the listings say what was left out, which stands in the caption."""
    random = [layout.ALL_RANDOM] if "random" in TABLES[name].needs else []
    return [layout.RUN, layout.ALL_QUERIES, *random, *plan.listings()]


def table_options(plan: Plan, name: str) -> TableOptions:
    """What a table compares; what its section leaves open are the first two attacks."""
    section = TABLES[name].section
    if section is None:
        return TableOptions()
    options, attacks = plan.config.tables.get(section, TableOptions()), plan.config.compared
    return TableOptions(attack=options.attack or attacks[0], other=options.other or attacks[1])


def table_labels(plan: Plan, name: str) -> dict[str, str]:
    """What the report says of a table."""
    options = table_options(plan, name)
    attacks = [options.attack, options.other] if options.attack else plan.config.compared
    return {"number": f"Table {name}", "dataset": ", ".join(plan.config.datasets), "attack": ", ".join(attacks)}


# --- Figures ---


def figure_options(plan: Plan, number: str) -> FigureOptions:
    """What a figure shows: the configuration's section; what it leaves open the figure's entry chooses.

    `InputError` where it names a query that the dataset has not.
    """
    given, entry, config = plan.config.figures[number], FIGURES[number], plan.config
    dataset = given.dataset or list(config.datasets)[entry.dataset]
    attack = given.attack or config.compared_on(dataset)[0]
    attacks = [attack] if entry.attacks == 1 else given.attacks or config.compared_on(dataset)[: entry.attacks]
    queries = plan.datasets[dataset].queries
    if given.query is not None and given.query not in queries:
        raise InputError(f"figures.{number}.query: dataset {dataset} has no query {given.query!r}")
    chosen = {**entry.options, "dataset": dataset, "attack": attack, "attacks": attacks}
    if entry.maps:
        chosen["maps"] = [name for name, map in config.variance.items() if MAPS[map.kind].varies]
    elif "maps" in entry.needs:
        chosen["maps"] = [config.attacks[attacks[0]].variance]
    if entry.query is not None:
        chosen["query"] = list(queries)[entry.query]
    if entry.every_dataset:
        having = [name for name in config.datasets if set(attacks) <= set(config.attacks_on(name))]
        chosen["datasets"] = [given.dataset] if given.dataset else having
    return given.model_copy(update={key: value for key, value in chosen.items() if getattr(given, key) is None})


def figure_stem(number: str) -> str:
    """Where a figure lies, without suffix."""
    return layout.FIGURE.format(number=number)


def figure_inputs(plan: Plan, number: str) -> list[str]:
    """Files that a figure is drawn from."""
    needs, shown = FIGURES[number].needs, figure_options(plan, number)
    files = {
        "results": layout.ALL_QUERIES,
        "random": layout.ALL_RANDOM,
        "listing": layout.LISTING.format(dataset=shown.dataset),
    }
    inputs = [layout.RUN] if needs & {"results", "adversarial"} else []
    inputs += [file for need, file in files.items() if need in needs]
    for dataset in shown.datasets or [shown.dataset]:
        # Where none is named, the results choose the query.
        of_one = shown.query and (FIGURES[number].query is not None or "quantile" in FIGURES[number].options)
        photos = [shown.query] if of_one else list(plan.datasets[dataset].queries)
        if "originals" in needs:
            inputs += [layout.PREPARED.format(dataset=dataset, photo=photo) for photo in photos]
        if "maps" in needs:
            inputs += [
                layout.VARIANCE.format(dataset=dataset, map=map, photo=photo)
                # By the first attack's map a square is chosen.
                for map in dict.fromkeys([plan.config.attacks[shown.attacks[0]].variance, *shown.maps])
                for photo in photos
            ]
        if "adversarial" in needs:
            inputs += [file for attack in shown.attacks for file in plan.headline(dataset, attack, photos)]
    return inputs


def figure_labels(plan: Plan, number: str) -> dict[str, str]:
    """What the report says of a figure."""
    needs, shown = FIGURES[number].needs, figure_options(plan, number)
    datasets = (shown.datasets or [shown.dataset]) if needs else []
    attacks = shown.attacks if needs & {"results", "maps"} else []
    return {"number": f"Figure {number}", "dataset": ", ".join(datasets), "attack": ", ".join(attacks)}


def chapter(number: str) -> str:
    """Where the report shows a figure or table; those of ours are about chapter 4's experiments too."""
    first = number.split(".")[0]
    titles = {"1": "Introduction", "2": "Background", "3": "CV-PIRE", "A": "Appendix"}
    return f"{first} {titles[first]}" if first in titles else "4 Experiments"


# --- The audit ---

AUTHORS_REPOSITORY = "CV-PIRE-d857167.zip"
"""The download that the published artefacts are unpacked from."""


def audit_options(plan: Plan) -> AuditOptions:
    """The section `audit` of the configuration, with its folders; the default is the author's repository."""
    options = plan.config.audit or AuditOptions(dataset=THESIS[0])
    if options.published is not None:
        return options
    folder = layout.PUBLISHED.format(artefacts=options.dataset)
    return options.model_copy(update={"photos": f"{folder}/photos", "published": f"{folder}/published"})


def published_artefacts(plan: Plan) -> list[str]:
    """Files of an audit: of the two folders, or the list of what the author's repository is unpacked to."""
    options = audit_options(plan)
    if plan.config.audit is None or plan.config.audit.published is None:
        return [layout.UNPACKED_PUBLISHED.format(artefacts=options.dataset)]
    folders = [Path(options.photos), Path(options.published)]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"audit: {folder}: no such folder")
    found = [str(file) for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    refuse_patterns(found)
    return found
