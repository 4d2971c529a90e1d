# Descriptors of the database, rankings, average precision.


rule describe_shard:
    input:
        photos=lambda w: PLAN.shard_sources(w.dataset, int(w.shard)),
        weights=lambda w: PLAN.weights(w.victim),
        code=lambda w: sources(*code.descriptors(PLAN, w.victim)),
    output:
        descriptors=layout.DESCRIPTORS,
        names=layout.names_of([layout.DESCRIPTORS]),
    log:
        layout.log(layout.DESCRIPTORS),
    threads: CONFIG.threads
    resources:
        gpu=1,
    params:
        reading=lambda w: as_options(CONFIG.datasets[w.dataset], "decoder", "profile", "longest_side"),
        network=lambda w: PLAN.network_options(w.victim),
        weights=lambda w: inputs.weights(PLAN, w.victim),
        # In params too, because Snakemake does not rerun a job that has lost an input.
        photos=lambda w: PLAN.shard_words(w.dataset, int(w.shard)),
        content=lambda w: inputs.shard(PLAN, w.dataset, int(w.shard)),
        device=CONFIG.device,
        threads=CONFIG.threads,
    shell:
        "cvpire describe {output.descriptors:q} {params.photos} {params.reading}"
        " {params.network} --device {params.device} --threads {params.threads} 2> {log:q}"


rule describe_distractors:
    input:
        weights=lambda w: PLAN.weights(w.victim),
        code=lambda w: sources(*code.descriptors(PLAN, w.victim)),
    output:
        descriptors=layout.DISTRACTORS,
        names=layout.names_of([layout.DISTRACTORS]),
    log:
        layout.log(layout.DISTRACTORS),
    threads: CONFIG.threads
    resources:
        gpu=1,
    params:
        # A million inputs would choke Snakemake: of these photos only the names are known.
        photos=lambda w: PLAN.distractor_words(w.distractors, int(w.shard)),
        names=lambda w: PLAN.distractor_shards[w.distractors][int(w.shard)],
        reading=lambda w: as_options(CONFIG.distractors[w.distractors], "decoder", "profile", "longest_side"),
        network=lambda w: PLAN.network_options(w.victim),
        weights=lambda w: inputs.weights(PLAN, w.victim),
        device=CONFIG.device,
        threads=CONFIG.threads,
    shell:
        "cvpire describe {output.descriptors:q} {params.photos} {params.reading}"
        " {params.network} --device {params.device} --threads {params.threads} 2> {log:q}"


rule rank_originals:
    input:
        dataset=layout.LISTING,
        queries=lambda w: expand(layout.PREPARED, dataset=w.dataset, photo=PLAN.datasets[w.dataset].queries),
        shards=lambda w: PLAN.ranked(w.dataset, w.victim),
        weights=lambda w: PLAN.weights(w.victim),
        code=lambda w: sources(*code.ranking(PLAN, w.victim)),
    output:
        layout.RETRIEVAL.replace("{attack}", layout.ORIGINAL),
    log:
        layout.log(layout.RETRIEVAL.replace("{attack}", layout.ORIGINAL)),
    threads: CONFIG.threads
    resources:
        gpu=1,
    params:
        folder=lambda w: str(Path(layout.PREPARED.format(dataset=w.dataset, photo="")).parent),
        shards=lambda w: PLAN.shard_options(w.dataset, w.victim),
        options=as_options(CONFIG.retrieval, "average_precision"),
        network=lambda w: PLAN.network_options(w.victim),
        weights=lambda w: inputs.weights(PLAN, w.victim),
        device=CONFIG.device,
        threads=CONFIG.threads,
    shell:
        "cvpire rank {input.dataset:q} {output:q} --queries {params.folder} --suffix .png {params.shards}"
        " {params.options} {params.network} --device {params.device} --threads {params.threads} 2> {log:q}"


rule rank_queries:
    input:
        dataset=layout.LISTING,
        queries=lambda w: PLAN.saved(w.dataset, w.attack, PLAN.datasets[w.dataset].queries),
        shards=lambda w: PLAN.ranked(w.dataset, w.victim),
        weights=lambda w: PLAN.weights(w.victim),
        code=lambda w: sources(*code.ranking(PLAN, w.victim)),
    output:
        layout.RETRIEVAL,
    log:
        layout.log(layout.RETRIEVAL),
    threads: CONFIG.threads
    resources:
        gpu=1,
    params:
        folder=layout.QUERIES,
        variants=lambda w: " ".join(f"--variant {variant}" for variant in PLAN.variants(w.attack)),
        suffix=lambda w: CONFIG.attacks[w.attack].saving.suffix,
        shards=lambda w: PLAN.shard_options(w.dataset, w.victim),
        options=as_options(CONFIG.retrieval, "average_precision"),
        decoder=lambda w: as_options(CONFIG.datasets[w.dataset], "decoder"),
        network=lambda w: PLAN.network_options(w.victim),
        weights=lambda w: inputs.weights(PLAN, w.victim),
        device=CONFIG.device,
        threads=CONFIG.threads,
    shell:
        "cvpire rank {input.dataset:q} {output:q} --queries {params.folder} {params.variants}"
        " --suffix {params.suffix} {params.shards} {params.options} {params.decoder} {params.network}"
        " --device {params.device} --threads {params.threads} 2> {log:q}"


rule rank_at_random:
    input:
        dataset=layout.LISTING,
        code=sources("retrieval.random_ranking", "datasets.listing"),
    output:
        layout.RANDOM,
    log:
        layout.log(layout.RANDOM),
    localrule: True
    params:
        options=as_options(CONFIG.retrieval, "average_precision"),
    shell:
        "cvpire random {input.dataset:q} {output:q} {params.options} 2> {log:q}"


rule check_clean_map:
    input:
        ranking=layout.RETRIEVAL.replace("{attack}", layout.ORIGINAL),
        code=sources("retrieval.gate"),
    output:
        layout.GATE,
    log:
        layout.log(layout.GATE),
    localrule: True
    params:
        options=lambda w: PLAN.gate_options(w.dataset, w.victim),
    shell:
        "cvpire gate {input.ranking:q} {output:q} {params.options} 2> {log:q}"
