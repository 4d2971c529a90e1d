# Photos, and what is relevant to each query.
from cvpire.datasets.demo import PARTS, demo_dataset
from cvpire.datasets.logos import logos_dataset
from cvpire.plan.run import argument

for part in PARTS:

    rule:
        name:
            f"make_demo_photos_{part}"
        input:
            code=sources("datasets.demo_photos"),
        output:
            [update(str(path)) for path in demo_dataset(part, layout.DEMO_PHOTOS.format(part=part)).photos.values()],
        log:
            f"results/logs/demo-{part}.log",
        params:
            part=part,
            folder=subpath(output[0], parent=True),
        shell:
            "cvpire demo-photos {params.part} {params.folder} 2> {log}"


rule make_logo_photos:
    input:
        code=sources("datasets.logo_photos"),
    output:
        [update(str(path)) for path in logos_dataset(layout.LOGO_PHOTOS).photos.values()],
    log:
        "results/logs/logos.log",
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "cvpire logo-photos {params.folder} 2> {log}"


rule list_dataset:
    input:
        files=lambda w: PLAN.datasets[w.dataset].sources(),
        code=lambda w: sources(*code.listing(PLAN, w.dataset)),
    output:
        layout.LISTING,
    log:
        layout.log(layout.LISTING),
    localrule: True
    params:
        options=lambda w: PLAN.listing_options(w.dataset),
        names=lambda w: PLAN.names_digest(w.dataset),
        content=lambda w: inputs.ground_truth(PLAN, w.dataset),
    shell:
        "cvpire dataset {output:q} {params.options} 2> {log:q}"


rule prepare_query:
    input:
        source=lambda w: PLAN.datasets[w.dataset].source(w.photo),
        code=sources("photos"),
    output:
        layout.PREPARED,
    log:
        layout.log(layout.PREPARED),
    localrule: True
    params:
        photo=lambda w: argument(PLAN.datasets[w.dataset].photos[w.photo]),
        content=lambda w: inputs.photo(PLAN, w.dataset, w.photo),
        options=lambda w: PLAN.prepare_options(w.dataset, w.photo),
    shell:
        "cvpire prepare {params.photo:q} {output:q} {params.options} 2> {log:q}"
