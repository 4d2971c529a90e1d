# Photos, and what is relevant to each query.

for part in sorted({options.part for options in CONFIG.datasets.values() if options.kind == "demo"}):

    rule:
        name:
            f"make_demo_photos_{part}"
        input:
            code=sources("datasets.demo"),
        output:
            [update(str(path)) for path in demo_dataset(part, demo_folder(part)).photos.values()],
        log:
            f"results/logs/demo-{part}.log",
        conda:
            "../envs/environment.yaml"
        params:
            part=part,
            folder=subpath(output[0], parent=True),
        shell:
            "cvpire demo-photos {params.part} {params.folder} 2> {log}"


rule list_dataset:
    input:
        ground_truth=lambda w: ground_truth(w.dataset),
        photos=lambda w: [unpacked(benchmark(w.dataset).photos)] if benchmark(w.dataset) else [],
        code=sources("datasets.benchmarks", "datasets.folder", "datasets.demo", "datasets.listing"),
    output:
        "results/{dataset}/dataset.json",
    log:
        "results/logs/{dataset}/dataset.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        options=lambda w: listing_options(w.dataset),
        photos=lambda w: digest(dataset(w.dataset).photos),
    shell:
        "cvpire dataset {output:q} {params.options} 2> {log:q}"


rule prepare_query:
    input:
        source=lambda w: photo_source(w.dataset, w.photo),
        code=sources("photos"),
    output:
        "results/{dataset}/original/{photo}.png",
    log:
        "results/logs/{dataset}/prepare/{photo}.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        photo=lambda w: str(dataset(w.dataset).photos[w.photo]),
        options=lambda w: prepare_options(w.dataset, w.photo),
    shell:
        "cvpire prepare {params.photo:q} {output:q} {params.options} 2> {log:q}"
