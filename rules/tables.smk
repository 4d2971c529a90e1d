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
        code=sources("tables.collection"),
    output:
        "results/tables/queries.csv",
    log:
        "results/logs/tables/queries.log",
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
    conda:
        "../envs/environment.yaml"
    shell:
        "cvpire collect-random {output} {input.random:q} 2> {log}"


rule make_table_4_1:
    input:
        results="results/tables/queries.csv",
        code=sources("tables.performance", "tables.formats"),
    output:
        multiext("results/tables/table-4.1", ".csv", ".md", ".tex"),
    log:
        "results/logs/tables/table-4.1.log",
    conda:
        "../envs/environment.yaml"
    shell:
        "cvpire table 4.1 results/tables/table-4.1 --results {input.results} 2> {log}"


rule differences:
    input:
        results="results/tables/queries.csv",
        code=sources("tables.differences", "tables.formats"),
    output:
        multiext("results/tables/differences", ".csv", ".md", ".tex"),
    log:
        "results/logs/tables/differences.log",
    conda:
        "../envs/environment.yaml"
    shell:
        "cvpire table differences results/tables/differences --results {input.results} 2> {log}"


rule tables:
    input:
        "results/tables/queries.csv",
        "results/tables/random.csv",
        rules.make_table_4_1.output,
