# What a run was made from, its numbers beside the thesis's, and one page to open: configuration, tables, figures, every
# query before and after.


rule record_provenance:
    input:
        configuration=layout.CONFIGURATION,
        tables=[file for file in rules.tables.input if file.endswith(".csv")],
        listings=PLAN.listings(),
        files=list(inputs.input_files(PLAN).values()),
        code=sources("provenance"),
    output:
        layout.PROVENANCE,
    log:
        layout.log(layout.PROVENANCE),
    localrule: True
    params:
        # What a function returns has no wildcards, whatever is in it.
        options=lambda w: inputs.provenance_options(PLAN),
    shell:
        "cvpire provenance {output} {input.configuration} {input.tables:q} {params.options} 2> {log}"


rule lay_out_reproduction:
    input:
        provenance=layout.PROVENANCE,
        run=layout.RUN,
        results=layout.ALL_QUERIES,
        random=layout.ALL_RANDOM,
        code=sources("reproduction.page"),
    output:
        report(
            f"{layout.REPRODUCTION}.html",
            caption="../workflow/report/reproduction.rst",
            category="Overview",
            labels={"page": "reproduction"},
        ),
        f"{layout.REPRODUCTION}.md",
    log:
        layout.log(layout.REPRODUCTION),
    localrule: True
    params:
        stem=subpath(output[0], strip_suffix=".html"),
    shell:
        "cvpire reproduction {params.stem} 2> {log}"


rule lay_out_overview:
    input:
        provenance=layout.PROVENANCE,
        run=layout.RUN,
        results=layout.ALL_QUERIES,
        listings=PLAN.listings(),
        tables=[f"{outputs.table_stem(name)}.csv" for name in outputs.tables(PLAN)],
        figures=[f"{outputs.figure_stem(number)}.png" for number in CONFIG.figures],
        photos=PLAN.shown_photos(),
        code=sources("overview.page"),
    output:
        report(
            layout.OVERVIEW,
            caption="../workflow/report/overview.rst",
            category="Overview",
            labels={"page": "overview"},
        ),
    log:
        layout.log(layout.OVERVIEW),
    localrule: True
    params:
        tables=" ".join(f"--table {table}" for table in outputs.tables(PLAN)),
        figures=" ".join(f"--figure {number}" for number in CONFIG.figures),
    shell:
        "cvpire overview {output} {params.tables} {params.figures} 2> {log}"
