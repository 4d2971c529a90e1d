# One tidy table of everything that was measured, and the thesis's tables made from it.

# What tables and figures need to know of the run, and the whole configuration for the record of provenance: written by
# Snakemake, which has them in memory, so that no command needs them as an option.
for record, content in {
    "run": (layout.RUN, as_json(PLAN.run())),
    "configuration": (layout.CONFIGURATION, CONFIG.model_dump(exclude_none=True)),
}.items():

    rule:
        name:
            f"record_{record}"
        output:
            content[0],
        log:
            layout.log(content[0]),
        localrule: True
        params:
            # A function, since Snakemake sees wildcards in a text: "CV {new}" may be a label.
            content=lambda w, content=content[1]: json.dumps(content),
        script:
            "../workflow/scripts/write_json.py"


rule collect_results:
    input:
        run=layout.RUN,
        rankings=PLAN.rankings(),
        transformed=PLAN.transformed(),
        qualities=PLAN.qualities(),
        calibrations=PLAN.calibrations(),
        listings=PLAN.listings(),
        code=sources("tables.collection"),
    output:
        layout.ALL_QUERIES,
    log:
        layout.log(layout.ALL_QUERIES),
    localrule: True
    shell:
        "cvpire collect {output} 2> {log}"


rule collect_random:
    input:
        random=expand(layout.RANDOM, dataset=CONFIG.datasets),
        code=sources("tables.collection"),
    output:
        layout.ALL_RANDOM,
    log:
        layout.log(layout.ALL_RANDOM),
    localrule: True
    shell:
        "cvpire collect-random {output} {input.random:q} 2> {log}"


for table, stem in outputs.table_stems(PLAN).items():

    rule:
        name:
            f"make_table_{table}".replace(".", "_").replace("-", "_")
        input:
            outputs.table_inputs(PLAN, table),
            code=sources(*code.table(table)),
        output:
            report(
                f"{stem}.csv",
                caption="../workflow/report/table.rst",
                category=outputs.chapter(table),
                labels=outputs.table_labels(PLAN, table),
            ),
            multiext(stem, *layout.TABLE_SUFFIXES[1:]),
        log:
            layout.log(stem),
        localrule: True
        params:
            name=table,
            stem=subpath(output[0], strip_suffix=".csv"),
            caption=lambda w, table=table: caption_of(table, PLAN.notes),
            options=as_options(outputs.table_options(PLAN, table)),
        shell:
            "cvpire table {params.name} {params.stem} {params.options} 2> {log}"


rule differences:
    input:
        f"{outputs.table_stem('differences')}.csv",


rule collect_gate:
    input:
        records=PLAN.gates(),
        code=sources("tables.gate", "figures.tabular"),
    output:
        multiext(layout.TABLE.format(file="gate"), *layout.TABLE_SUFFIXES),
    log:
        layout.log(layout.TABLE.format(file="gate")),
    localrule: True
    params:
        stem=subpath(output[0], strip_suffix=".csv"),
    shell:
        "cvpire collect-gate {params.stem} {input.records:q} 2> {log}"


rule tables:
    input:
        rules.collect_gate.output if CONFIG.gate.enabled else [],
        layout.ALL_QUERIES,
        layout.ALL_RANDOM,
        [f"{outputs.table_stem(name)}{suffix}" for name in outputs.tables(PLAN) for suffix in layout.TABLE_SUFFIXES],
