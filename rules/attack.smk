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
            networks=lambda w: attacking.attack_inputs(PLAN, w.dataset, w.attack),
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
            options=lambda w: attacking.attack_options(PLAN, w.dataset, w.attack),
            networks=lambda w: inputs.attacked(PLAN, w.attack),
            device=CONFIG.device,
            threads=CONFIG.threads,
        shell:
            "cvpire attack {input.photo:q} {input.map:q} {output:q} {params.options}"
            " --device {params.device} --threads {params.threads} 2> {log:q}"
