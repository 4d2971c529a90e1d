# Perturbed photos as files, where perturbations are kept; everything after this stage reads the photos.

for attack, options in CONFIG.attacks.items() if CONFIG.keep_perturbations else ():

    # One rule an attack, because each has its own set of multipliers and iterations, and so of files.
    rule:
        name:
            f"save_queries_{attack}"
        input:
            photo=layout.PREPARED,
            perturbation=layout.PERTURBATION.replace("{attack}", attack),
            code=sources("saving", "perturbations", "photos"),
        output:
            PLAN.saved("{dataset}", attack, ["{photo}"]),
        log:
            layout.log(layout.PERTURBATION.replace("{attack}", attack).replace("perturbation", "save")),
        params:
            options=as_options(options.saving),
        shell:
            "cvpire save {input.photo:q} {input.perturbation:q} {output:q} {params.options} 2> {log:q}"


for dataset in (name for name, attack in PLAN.measured if attack == layout.PLAIN):

    rule:
        name:
            f"save_plainly_{dataset}"
        input:
            photos=expand(layout.PREPARED, dataset=dataset, photo=PLAN.datasets[dataset].queries),
            code=sources("saving", "photos"),
        output:
            PLAN.saved(dataset, layout.PLAIN, PLAN.datasets[dataset].queries),
        log:
            layout.log(f"results/{dataset}/{layout.PLAIN}/save"),
        params:
            outputs=lambda w, output: shlex.join(word for file in output for word in ("--out", file)),
            options=as_options(CONFIG.saving),
        shell:
            "cvpire save-plain {input.photos:q} {params.outputs} {params.options} 2> {log:q}"


rule queries:
    input:
        PLAN.all_queries(),
