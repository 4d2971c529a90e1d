# How strongly each pixel of a query may be perturbed.


rule compute_variance:
    input:
        photo="results/{dataset}/original/{photo}.png",
        code=sources("variance", "photos"),
    output:
        "results/{dataset}/variance/{map}/{photo}.npy",
    log:
        "results/logs/{dataset}/variance/{map}/{photo}.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        options=lambda w: as_options(CONFIG.variance[w.map]),
    shell:
        "cvpire variance {input.photo:q} {output:q} {params.options} 2> {log:q}"


rule variance:
    input:
        [
            f"results/{name}/variance/{map}/{photo}.npy"
            for name in CONFIG.datasets
            for photo in dataset(name).queries
            for map in dict.fromkeys(CONFIG.attacks[attack].variance for attack in CONFIG.attacks_on(name))
        ],
