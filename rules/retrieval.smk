# Descriptors of the database, rankings, average precision.


rule describe_shard:
    input:
        photos=lambda w: shard_source(w.dataset, int(w.shard)),
        weights=lambda w: weights(w.victim),
        code=sources("networks.network", "retrieval.describing", "photos", "datasets.names"),
    output:
        descriptors="results/{dataset}/descriptors/{victim}/shard-{shard}.npy",
        names="results/{dataset}/descriptors/{victim}/shard-{shard}.txt",
    log:
        "results/logs/{dataset}/descriptors/{victim}/shard-{shard}.log",
    conda:
        "../envs/environment.yaml"
    resources:
        gpu=1,
    params:
        reading=lambda w: as_options(CONFIG.datasets[w.dataset], "decoder", "longest_side"),
        network=lambda w: network_options(w.victim),
        # In params too, because Snakemake does not rerun a job that has lost an input.
        photos=lambda w: shard_words(w.dataset, int(w.shard)),
        device=CONFIG.device,
    shell:
        "cvpire describe {output.descriptors:q} {params.photos} {params.reading}"
        " {params.network} --device {params.device} --threads {threads} 2> {log:q}"


rule describe_distractors:
    input:
        weights=lambda w: weights(w.victim),
        code=sources("networks.network", "retrieval.describing", "photos"),
    output:
        descriptors="results/distractors/{distractors}/descriptors/{victim}/shard-{shard}.npy",
        names="results/distractors/{distractors}/descriptors/{victim}/shard-{shard}.txt",
    log:
        "results/logs/distractors/{distractors}/descriptors/{victim}/shard-{shard}.log",
    conda:
        "../envs/environment.yaml"
    resources:
        gpu=1,
    params:
        # A million inputs would choke Snakemake: of these photos only the folder and the number of shards are known.
        photos=lambda w: shlex.join(
            ["--folder", CONFIG.distractors[w.distractors].folder]
            + ["--shard", str(int(w.shard)), "--of", str(distractor_shards(w.distractors))]
        ),
        reading=lambda w: as_options(CONFIG.distractors[w.distractors], "decoder", "longest_side"),
        network=lambda w: network_options(w.victim),
        device=CONFIG.device,
    shell:
        "cvpire describe {output.descriptors:q} {params.photos} {params.reading}"
        " {params.network} --device {params.device} --threads {threads} 2> {log:q}"


rule rank_originals:
    input:
        dataset="results/{dataset}/dataset.json",
        queries=lambda w: [f"results/{w.dataset}/original/{photo}.png" for photo in dataset(w.dataset).queries],
        descriptors=lambda w: descriptors(w.dataset, w.victim),
        distractors=lambda w: distractors(w.dataset, w.victim),
        names=lambda w: shard_names([*descriptors(w.dataset, w.victim), *distractors(w.dataset, w.victim)]),
        weights=lambda w: weights(w.victim),
        code=sources("networks.network", "photos", "retrieval.ranking"),
    output:
        "results/{dataset}/original/retrieval/{victim}.csv",
    log:
        "results/logs/{dataset}/original/retrieval/{victim}.log",
    conda:
        "../envs/environment.yaml"
    resources:
        gpu=1,
    params:
        folder="results/{dataset}/original",
        shards=lambda w: shard_options(w.dataset, w.victim),
        options=as_options(CONFIG.retrieval, "average_precision"),
        network=lambda w: network_options(w.victim),
        device=CONFIG.device,
    shell:
        "cvpire rank {input.dataset:q} {output:q} --queries {params.folder} --suffix .png {params.shards}"
        " {params.options} {params.network} --device {params.device} --threads {threads} 2> {log:q}"


rule rank_queries:
    input:
        dataset="results/{dataset}/dataset.json",
        queries=lambda w: adversarial_queries(w.dataset, w.attack, dataset(w.dataset).queries),
        descriptors=lambda w: descriptors(w.dataset, w.victim),
        distractors=lambda w: distractors(w.dataset, w.victim),
        names=lambda w: shard_names([*descriptors(w.dataset, w.victim), *distractors(w.dataset, w.victim)]),
        weights=lambda w: weights(w.victim),
        code=sources("networks.network", "photos", "retrieval.ranking"),
    output:
        "results/{dataset}/{network}/{attack}/retrieval/{victim}.csv",
    log:
        "results/logs/{dataset}/{network}/{attack}/retrieval/{victim}.log",
    conda:
        "../envs/environment.yaml"
    resources:
        gpu=1,
    params:
        folder="results/{dataset}/{network}/{attack}/queries",
        variants=lambda w: " ".join(f"--variant {variant}" for variant in variants(w.attack)),
        suffix=lambda w: CONFIG.attacks[w.attack].saving.suffix,
        shards=lambda w: shard_options(w.dataset, w.victim),
        options=as_options(CONFIG.retrieval, "average_precision"),
        decoder=lambda w: decoder(w.dataset),
        network=lambda w: network_options(w.victim),
        device=CONFIG.device,
    shell:
        "cvpire rank {input.dataset:q} {output:q} --queries {params.folder} {params.variants}"
        " --suffix {params.suffix} {params.shards} {params.options} {params.decoder} {params.network}"
        " --device {params.device} --threads {threads} 2> {log:q}"


rule rank_at_random:
    input:
        dataset="results/{dataset}/dataset.json",
        code=sources("retrieval.average_precision"),
    output:
        "results/{dataset}/random.csv",
    log:
        "results/logs/{dataset}/random.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        options=as_options(CONFIG.retrieval, "average_precision"),
    shell:
        "cvpire random {input.dataset:q} {output:q} {params.options} 2> {log:q}"


rule check_clean_map:
    input:
        ranking="results/{dataset}/original/retrieval/{victim}.csv",
        code=sources("retrieval.gate"),
    output:
        "results/{dataset}/original/gate/{victim}.json",
    log:
        "results/logs/{dataset}/original/gate/{victim}.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        options=lambda w: gate_options(w.dataset, w.victim),
    shell:
        "cvpire gate {input.ranking:q} {output:q} {params.options} 2> {log:q}"
