# The thesis's published artefacts, measured again.


rule unpack_published:
    input:
        archive="resources/downloads/CV-PIRE-d857167.zip",
        code=sources("published"),
    output:
        directory("resources/published/{artefacts}"),
    log:
        "results/logs/published/{artefacts}.log",
    conda:
        "../envs/environment.yaml"
    shell:
        "cvpire unpack-published {input.archive} {wildcards.artefacts} {output} 2> {log}"


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
        options=lambda w: audited(),
    shell:
        "cvpire audit {params.options} --out {output.table} --summary results/audit/summary"
        " --figure results/audit/figure 2> {log}"
