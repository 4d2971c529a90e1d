# The perturbation of a query by an attack: all multipliers in one batch, all iterations from one run.


rule attack_query:
    input:
        photo="results/{dataset}/original/{photo}.png",
        map=lambda w: f"results/{w.dataset}/variance/{CONFIG.attacks[w.attack].variance}/{w.photo}.npy",
        weights=lambda w: weights(w.network),
        # Ancient: an attack waits for the check, but does not run again because the check did.
        gate=lambda w: ancient(gate(w.dataset, w.network)),
        code=sources("attack", "networks.network", "perturbations", "photos"),
    output:
        kept("results/{dataset}/{network}/{attack}/perturbation/{photo}.npz"),
    log:
        "results/logs/{dataset}/{network}/{attack}/attack/{photo}.log",
    conda:
        "../envs/environment.yaml"
    resources:
        gpu=1,
    params:
        options=lambda w: attack_options(w.attack),
        device=CONFIG.device,
    shell:
        "cvpire attack {input.photo:q} {input.map:q} {output:q} {params.options}"
        " --device {params.device} --threads {threads} 2> {log:q}"
