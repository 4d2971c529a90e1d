# Descriptors of the database, rankings, average precision.
from cvpire.config.systems import ONLY_RANKING


rule describe_shard:
    input:
        photos=lambda w: databases.shard_sources(PLAN, w.dataset, int(w.shard)),
        weights=lambda w: PLAN.weights(w.victim),
        code=lambda w: sources(*code.descriptors(PLAN, w.victim)),
    output:
        descriptors=layout.DESCRIPTORS,
        names=layout.names_of([layout.DESCRIPTORS]),
    log:
        layout.log(layout.DESCRIPTORS),
    wildcard_constraints:
        victim=databases.describing(PLAN, local=False),
    threads: CONFIG.threads
    resources:
        gpu=1,
    params:
        reading=lambda w: as_options(CONFIG.datasets[w.dataset], "decoder", "profile", "longest_side"),
        system=lambda w: PLAN.system_options(w.victim),
        weights=lambda w: inputs.weights(PLAN, w.victim),
        # In params too, because Snakemake does not rerun a job that has lost an input.
        photos=lambda w: databases.shard_words(PLAN, w.dataset, int(w.shard)),
        content=lambda w: inputs.shard(PLAN, w.dataset, int(w.shard)),
        device=CONFIG.device,
        threads=CONFIG.threads,
    shell:
        "cvpire describe {output.descriptors:q} {params.photos} {params.reading}"
        " {params.system} --device {params.device} --threads {params.threads} 2> {log:q}"


# Local features are kept in files of another kind than descriptors.
use rule describe_shard as describe_features with:
    output:
        descriptors=layout.FEATURES,
        names=layout.names_of([layout.FEATURES]),
    log:
        layout.log(layout.FEATURES),
    wildcard_constraints:
        victim=databases.describing(PLAN, local=True),
    resources:
        gpu=0,


rule learn_from_database:
    input:
        shards=lambda w: databases.described(PLAN, w.dataset, w.victim),
        code=lambda w: sources(*code.learning(PLAN, w.victim)),
    output:
        layout.LEARNT,
    log:
        layout.log(layout.LEARNT),
    params:
        shards=lambda w: databases.descriptor_options(PLAN, w.dataset, w.victim),
        system=lambda w: PLAN.system_options(w.victim, beside=ONLY_RANKING),
        seed=CONFIG.seed,
    shell:
        "cvpire learn {output:q} {params.shards} {params.system} --seed {params.seed} 2> {log:q}"


# Attacks can leave out a mean that the network keeps when it ranks.
use rule learn_from_database as learn_centre with:
    output:
        layout.CENTRED,
    log:
        layout.log(layout.CENTRED),
    params:
        system=lambda w: PLAN.system_options(w.victim, beside=ONLY_RANKING, learnt="centre"),


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
        photos=lambda w: databases.distractor_words(PLAN, w.distractors, int(w.shard)),
        names=lambda w: PLAN.distractor_shards[w.distractors][int(w.shard)],
        reading=lambda w: as_options(CONFIG.distractors[w.distractors], "decoder", "profile", "longest_side"),
        system=lambda w: PLAN.system_options(w.victim),
        weights=lambda w: inputs.weights(PLAN, w.victim),
        device=CONFIG.device,
        threads=CONFIG.threads,
    shell:
        "cvpire describe {output.descriptors:q} {params.photos} {params.reading}"
        " {params.system} --device {params.device} --threads {params.threads} 2> {log:q}"


rule rank_originals:
    input:
        dataset=layout.LISTING,
        queries=lambda w: expand(layout.PREPARED, dataset=w.dataset, photo=PLAN.datasets[w.dataset].queries),
        shards=lambda w: databases.ranked(PLAN, w.dataset, w.victim),
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
        shards=lambda w: databases.shard_options(PLAN, w.dataset, w.victim),
        options=as_options(CONFIG.retrieval, "average_precision"),
        system=lambda w: PLAN.system_options(w.victim, beside=()),
        seed=CONFIG.seed,
        weights=lambda w: inputs.weights(PLAN, w.victim),
        device=CONFIG.device,
        threads=CONFIG.threads,
    shell:
        "cvpire rank {input.dataset:q} {output:q} --queries {params.folder} --suffix .png {params.shards}"
        " {params.options} {params.system} --seed {params.seed} --device {params.device} --threads {params.threads} 2> {log:q}"


rule rank_queries:
    input:
        dataset=layout.LISTING,
        queries=lambda w: PLAN.saved(w.dataset, w.attack, PLAN.datasets[w.dataset].queries),
        shards=lambda w: databases.ranked(PLAN, w.dataset, w.victim),
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
        suffix=lambda w: PLAN.saving(w.attack).suffix,
        shards=lambda w: databases.shard_options(PLAN, w.dataset, w.victim),
        options=as_options(CONFIG.retrieval, "average_precision"),
        decoder=lambda w: as_options(CONFIG.datasets[w.dataset], "decoder"),
        system=lambda w: PLAN.system_options(w.victim, beside=()),
        seed=CONFIG.seed,
        weights=lambda w: inputs.weights(PLAN, w.victim),
        device=CONFIG.device,
        threads=CONFIG.threads,
    shell:
        "cvpire rank {input.dataset:q} {output:q} --queries {params.folder} {params.variants}"
        " --suffix {params.suffix} {params.shards} {params.options} {params.decoder} {params.system} --seed {params.seed}"
        " --device {params.device} --threads {params.threads} 2> {log:q}"


rule rank_transformed:
    # One job for all attacks, since starting one takes longer than ranking does.
    input:
        dataset=layout.LISTING,
        queries=lambda w: [
            file
            for attack in PLAN.transformed_attacks(w.dataset, w.victim)
            for file in PLAN.headline(w.dataset, attack, PLAN.datasets[w.dataset].queries)
        ],
        shards=lambda w: databases.ranked(PLAN, w.dataset, w.victim),
        weights=lambda w: PLAN.weights(w.victim),
        code=lambda w: sources(*code.ranking(PLAN, w.victim), *code.transformation(PLAN, w.transformation)),
    output:
        layout.TRANSFORMED,
    log:
        layout.log(layout.TRANSFORMED),
    threads: CONFIG.threads
    resources:
        gpu=1,
    params:
        queries=lambda w: databases.transformed_options(PLAN, w.dataset, w.victim),
        steps=lambda w: as_words(CONFIG.transformations[w.transformation]),
        shards=lambda w: databases.shard_options(PLAN, w.dataset, w.victim),
        options=as_options(CONFIG.retrieval, "average_precision"),
        decoder=lambda w: as_options(CONFIG.datasets[w.dataset], "decoder"),
        system=lambda w: PLAN.system_options(w.victim, beside=()),
        seed=CONFIG.seed,
        weights=lambda w: inputs.weights(PLAN, w.victim),
        device=CONFIG.device,
        threads=CONFIG.threads,
    shell:
        "cvpire rank-transformed {input.dataset:q} {output:q} {params.queries} --transformation {wildcards.transformation:q}"
        " --steps {params.steps:q} {params.shards} {params.options} {params.decoder} {params.system}"
        " --seed {params.seed} --device {params.device} --threads {params.threads} 2> {log:q}"


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
