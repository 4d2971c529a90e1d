# What a run was made from, and one page to open: configuration, tables, figures, every query before and after.


rule record_provenance:
    input:
        tables=[file for file in rules.tables.input if file.endswith(".csv")],
        listings=expand("results/{dataset}/dataset.json", dataset=CONFIG.datasets),
        files=list(provenance_files().values()),
        code=sources("provenance"),
    output:
        "results/provenance.json",
    log:
        "results/logs/provenance.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        configuration=json.dumps(CONFIG.model_dump(exclude_none=True)),
        options=provenance_options(),
    shell:
        "cvpire provenance {output} {input.tables:q} --configuration {params.configuration:q} {params.options} 2> {log}"


rule lay_out_overview:
    input:
        provenance="results/provenance.json",
        results="results/tables/queries.csv",
        listings=expand("results/{dataset}/dataset.json", dataset=CONFIG.datasets),
        tables=expand("results/tables/table-{table}.csv", table=made_tables()),
        figures=expand("results/figures/figure-{number}.png", number=CONFIG.figures),
        photos=[
            path
            for name in CONFIG.datasets
            for path in [
                *(f"results/{name}/original/{photo}.png" for photo in dataset(name).queries),
                *(
                    path
                    for attack in CONFIG.attacks_on(name)
                    for path in headline_queries(name, attack, dataset(name).queries)
                ),
            ]
        ],
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
        run=attack_summary(),
        tables=shlex.join(word for table in made_tables() for word in ("--table", table)),
        figures=shlex.join(word for number in CONFIG.figures for word in ("--figure", number)),
    shell:
        "cvpire overview {output} --run {params.run:q} {params.tables} {params.figures} 2> {log}"
