# The perturbation of a query by an attack: all multipliers in one batch, all iterations from one run.

# One rule, `attack_query`, where perturbations are kept; saving.smk goes on from there. Otherwise its job saves the
# queries itself, and each attack has a rule `attack_query_ATTACK`, because each has files of its own.
for name, attacks, files in PLAN.attack_rules():

    snakemake_parts.share_resources(workflow, "attack_query", name)

    rule:
        name:
            name
        input:
            photo=layout.PREPARED,
            map=lambda w: layout.VARIANCE.format(
                dataset=w.dataset, map=CONFIG.attacks[w.attack].variance, photo=w.photo
            ),
            weights=lambda w: PLAN.weights(CONFIG.attacks[w.attack].network),
            # Ancient: an attack waits for the check, but does not run again because the check did.
            gate=lambda w: ancient(PLAN.gate(w.dataset, w.attack)),
            code=lambda w: sources(*code.attack(PLAN, w.attack)),
        output:
            files,
        log:
            layout.log(layout.PERTURBATION),
        wildcard_constraints:
            attack="|".join(map(re.escape, attacks)),
        threads: CONFIG.threads
        resources:
            gpu=1,
        params:
            options=lambda w: PLAN.attack_options(w.attack),
            weights=lambda w: inputs.weights(PLAN, CONFIG.attacks[w.attack].network),
            device=CONFIG.device,
            threads=CONFIG.threads,
        shell:
            "cvpire attack {input.photo:q} {input.map:q} {output:q} {params.options}"
            " --device {params.device} --threads {params.threads} 2> {log:q}"
