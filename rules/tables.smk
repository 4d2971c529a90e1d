# One tidy table of everything that was measured, and the thesis's tables made from it.


rule collect_results:
    input:
        originals=expand(
            "results/{dataset}/original/retrieval/{victim}.csv", dataset=CONFIG.datasets, victim=all_victims()
        ),
        rankings=[
            f"results/{name}/{CONFIG.attacks[attack].network}/{attack}/retrieval/{victim}.csv"
            for name in CONFIG.datasets
            for attack in CONFIG.attacks_on(name)
            for victim in CONFIG.victims_of(attack)
        ],
        qualities=[
            f"results/{name}/{CONFIG.attacks[attack].network}/{attack}/quality/{photo}.csv"
            for name in CONFIG.datasets
            for attack in CONFIG.attacks_on(name)
            for photo in dataset(name).queries
        ],
        listings=expand("results/{dataset}/dataset.json", dataset=CONFIG.datasets),
        code=sources("tables.collection"),
    output:
        "results/tables/queries.csv",
    log:
        "results/logs/tables/queries.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    params:
        datasets=" ".join(f"--dataset {name}" for name in CONFIG.datasets),
        victims=" ".join(f"--victim {name}" for name in all_victims()),
        attacks=attack_summary(),
    shell:
        "cvpire collect {output} results {params.datasets} {params.victims} --attacks {params.attacks:q} 2> {log}"


rule collect_random:
    input:
        random=expand("results/{dataset}/random.csv", dataset=CONFIG.datasets),
        code=sources("tables.collection"),
    output:
        "results/tables/random.csv",
    log:
        "results/logs/tables/random.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        "cvpire collect-random {output} {input.random:q} 2> {log}"


for table in made_tables():

    rule:
        name:
            f"make_table_{table}".replace(".", "_").replace("-", "_")
        input:
            results="results/tables/queries.csv",
            random="results/tables/random.csv" if table == "4.2" else [],
            code=sources(f"tables.{TABLES[table].module}", "tables.formats"),
        output:
            report(
                f"results/tables/table-{table}.csv",
                caption="../workflow/report/table.rst",
                category=chapter(table),
                labels={"number": f"Table {table}", **table_labels(table)},
            ),
            multiext(f"results/tables/table-{table}", ".md", ".tex"),
        log:
            f"results/logs/tables/table-{table}.log",
        localrule: True
        conda:
            "../envs/environment.yaml"
        params:
            name=table,
            caption=TABLES[table].caption,
            options=table_options(table),
        shell:
            "cvpire table {params.name} results/tables/table-{params.name} --results {input.results}"
            " {params.options} 2> {log}"


rule differences:
    input:
        results="results/tables/queries.csv",
        code=sources("tables.differences", "tables.formats"),
    output:
        multiext("results/tables/differences", ".csv", ".md", ".tex"),
    log:
        "results/logs/tables/differences.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        "cvpire table differences results/tables/differences --results {input.results} 2> {log}"


rule collect_gate:
    input:
        records=gates(),
        code=sources("tables.formats"),
    output:
        multiext("results/tables/gate", ".csv", ".md", ".tex"),
    log:
        "results/logs/tables/gate.log",
    localrule: True
    conda:
        "../envs/environment.yaml"
    shell:
        "cvpire collect-gate results/tables/gate {input.records:q} 2> {log}"


rule tables:
    input:
        rules.collect_gate.output if CONFIG.gate.enabled else [],
        "results/tables/queries.csv",
        "results/tables/random.csv",
        expand("results/tables/table-{table}.{suffix}", table=made_tables(), suffix=["csv", "md", "tex"]),
