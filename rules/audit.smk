# The thesis's published artefacts, measured again.

COLOUR = layout.AUDIT.format(file="colour") if outputs.audit_options(PLAN).colour else None


rule unpack_published:
    input:
        archive=PLAN.find(outputs.AUTHORS_REPOSITORY),
        code=sources("published"),
    output:
        update(layout.UNPACKED_PUBLISHED),
    log:
        "results/logs/published/{artefacts}.log",
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "cvpire unpack-published {input.archive} {wildcards.artefacts} {params.folder} 2> {log}"


rule audit:
    input:
        artefacts=lambda w: checked(outputs.published_artefacts, PLAN),
        code=sources(*code.audit()),
    output:
        table=layout.AUDIT.format(file="audit.csv"),
        summary=multiext(layout.AUDIT.format(file="summary"), *layout.TABLE_SUFFIXES),
        figure=multiext(layout.AUDIT.format(file="figure"), *layout.FIGURE_SUFFIXES),
        colour=multiext(COLOUR, *layout.TABLE_SUFFIXES) if COLOUR else [],
    log:
        "results/logs/audit.log",
    params:
        options=lambda w: as_options(outputs.audit_options(PLAN), "photos", "published", "dataset"),
        content=lambda w, input: inputs.artefacts(PLAN, input.artefacts),
        summary=subpath(output[1], strip_suffix=".csv"),
        figure=subpath(output[1 + len(layout.TABLE_SUFFIXES)], strip_suffix=".svg"),
        colour=f" --colour {COLOUR}" if COLOUR else "",
    shell:
        "cvpire audit {params.options} --out {output.table} --summary {params.summary}"
        " --figure {params.figure}{params.colour} 2> {log}"
