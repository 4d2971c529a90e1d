# Perturbed photos as files; everything after this stage reads them.

for attack, options in CONFIG.attacks.items():

    # One rule an attack, because each has its own set of multipliers and iterations, and so of files.
    rule:
        name:
            f"save_queries_{attack}"
        input:
            photo="results/{dataset}/original/{photo}.png",
            perturbation=f"results/{{dataset}}/{options.network}/{attack}/perturbation/{{photo}}.npz",
            code=sources("saving", "perturbations", "photos"),
        output:
            [
                f"results/{{dataset}}/{options.network}/{attack}/queries/{variant}/{{photo}}{options.saving.suffix}"
                for variant in variants(attack)
            ],
        log:
            f"results/logs/{{dataset}}/{options.network}/{attack}/save/{{photo}}.log",
        conda:
            "../envs/environment.yaml"
        params:
            options=as_options(options.saving),
        shell:
            "cvpire save {input.photo:q} {input.perturbation:q} {output:q} {params.options} 2> {log:q}"


rule queries:
    input:
        [
            path
            for name in CONFIG.datasets
            for attack in CONFIG.attacks_on(name)
            for path in adversarial_queries(name, attack, dataset(name).queries)
        ],
