# One page to open: configuration, tables, figures, every query before and after.


rule lay_out_overview:
    input:
        results="results/tables/queries.csv",
        listings=expand("results/{dataset}/dataset.json", dataset=CONFIG.datasets),
        tables=expand("results/tables/table-{table}.csv", table=made_tables()),
        figures=expand("results/figures/figure-{number}.png", number=CONFIG.figures),
        code=sources("overview", "provenance"),
    output:
        report(
            "results/overview.html",
            caption="../workflow/report/overview.rst",
            category="Overview",
            labels={"page": "overview"},
        ),
    log:
        "results/logs/overview.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        configuration=json.dumps(CONFIG.model_dump(exclude_none=True)),
        run=attack_summary(),
        tables=shlex.join(word for table in made_tables() for word in ("--table", table)),
        figures=shlex.join(word for number in CONFIG.figures for word in ("--figure", number)),
    shell:
        "cvpire overview {output} --configuration {params.configuration:q} --run {params.run:q}"
        " {params.tables} {params.figures} 2> {log}"
