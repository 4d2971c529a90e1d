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


rule queries:
    input:
        PLAN.all_queries(),
