# How far the saved queries are from their originals, to people's eyes.


rule measure_quality:
    input:
        original=layout.PREPARED,
        altered=lambda w: PLAN.saved(w.dataset, w.attack, [w.photo]),
        code=sources(*code.quality()),
    output:
        layout.QUALITY,
    log:
        layout.log(layout.QUALITY),
    params:
        options=as_options(CONFIG.quality),
        decoder=lambda w: as_options(CONFIG.datasets[w.dataset], "decoder"),
    shell:
        "cvpire quality {input.original:q} {input.altered:q} --csv {output:q}"
        " {params.options} {params.decoder} 2> {log:q}"
