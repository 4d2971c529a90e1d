# Descriptors of the database, rankings, average precision.


rule describe_shard:
    input:
        photos=lambda w: shard_photos(w.dataset, w.shard),
        weights=lambda w: weights(w.victim),
        code=sources("networks.network", "photos", "datasets.names"),
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
        # Snakemake does not rerun a job that has lost an input.
        members=lambda w: digest(shard_photos(w.dataset, w.shard)),
        device=CONFIG.device,
    shell:
        "cvpire describe {output.descriptors:q} {input.photos:q} {params.reading}"
        " {params.network} --device {params.device} --threads {threads} 2> {log:q}"


rule rank_originals:
    input:
        dataset="results/{dataset}/dataset.json",
        queries=lambda w: [f"results/{w.dataset}/original/{photo}.png" for photo in dataset(w.dataset).queries],
        descriptors=lambda w: descriptors(w.dataset, w.victim),
        weights=lambda w: weights(w.victim),
        code=sources("networks.network", "photos", "retrieval.ranking", "retrieval.average_precision"),
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
        shards=lambda w: shlex.join(
            word for file in descriptors(w.dataset, w.victim) for word in ("--descriptors", file)
        ),
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
        weights=lambda w: weights(w.victim),
        code=sources("networks.network", "photos", "retrieval.ranking", "retrieval.average_precision"),
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
        shards=lambda w: shlex.join(
            word for file in descriptors(w.dataset, w.victim) for word in ("--descriptors", file)
        ),
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
    conda:
        "../envs/environment.yaml"
    params:
        options=as_options(CONFIG.retrieval, "average_precision"),
    shell:
        "cvpire random {input.dataset:q} {output:q} {params.options} 2> {log:q}"
