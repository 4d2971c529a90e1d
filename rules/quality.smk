# How far the saved queries are from their originals, to people's eyes.


rule measure_quality:
    input:
        original="results/{dataset}/original/{photo}.png",
        altered=lambda w: adversarial_queries(w.dataset, w.attack, [w.photo]),
        code=sources("quality", "photos"),
    output:
        "results/{dataset}/{network}/{attack}/quality/{photo}.csv",
    log:
        "results/logs/{dataset}/{network}/{attack}/quality/{photo}.log",
    conda:
        "../envs/environment.yaml"
    params:
        options=as_options(CONFIG.quality),
        decoder=lambda w: decoder(w.dataset),
    shell:
        "cvpire quality {input.original:q} {input.altered:q} --csv {output:q}"
        " {params.options} {params.decoder} 2> {log:q}"
