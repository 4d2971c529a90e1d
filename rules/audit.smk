# The thesis's published artefacts, measured again.


rule audit:
    input:
        artefacts=lambda w: published_artefacts(),
        code=sources("audit", "figures.audit", "tables.formats"),
    output:
        table="results/audit/audit.csv",
        summary=multiext("results/audit/summary", ".csv", ".md", ".tex"),
        figure=multiext("results/audit/figure", ".svg", ".png", ".pdf"),
    log:
        "results/logs/audit.log",
    conda:
        "../envs/environment.yaml"
    params:
        options=lambda w: as_options(CONFIG.audit),
    shell:
        "cvpire audit {params.options} --out {output.table} --summary results/audit/summary"
        " --figure results/audit/figure 2> {log}"
