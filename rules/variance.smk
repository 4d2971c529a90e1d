# How strongly each pixel of a query may be perturbed.


rule compute_variance:
    input:
        photo=layout.PREPARED,
        code=lambda w: sources(*code.variance(PLAN, w.map)),
    output:
        layout.VARIANCE,
    log:
        layout.log(layout.VARIANCE),
    localrule: True
    params:
        options=lambda w: as_options(CONFIG.variance[w.map]),
    shell:
        "cvpire variance {input.photo:q} {output:q} {params.options} 2> {log:q}"


rule variance:
    input:
        PLAN.all_maps(),
