# The thesis's figures, by its numbers.


rule draw_figure_3_3:
    input:
        photo=lambda w: f"results/{figure('3.3').dataset}/original/{figure('3.3').query}.png",
        map=lambda w: f"results/{figure('3.3').dataset}/variance/{map_of('3.3')}/{figure('3.3').query}.npy",
        code=sources("figures.variance_map", "figures.style"),
    output:
        multiext("results/figures/figure-3.3", ".svg", ".png", ".pdf"),
    log:
        "results/logs/figures/figure-3.3.log",
    conda:
        "../envs/environment.yaml"
    shell:
        "cvpire figure-variance results/figures/figure-3.3 --photo {input.photo:q} --map {input.map:q} 2> {log}"


rule draw_figure_4_3:
    input:
        results="results/tables/queries.csv",
        random="results/tables/random.csv",
        code=sources("figures.iterations", "figures.style"),
    output:
        multiext("results/figures/figure-4.3", ".svg", ".png", ".pdf"),
    log:
        "results/logs/figures/figure-4.3.log",
    conda:
        "../envs/environment.yaml"
    params:
        dataset=lambda w: figure("4.3").dataset,
        attack=lambda w: figure("4.3").attack,
    shell:
        "cvpire figure-iterations results/figures/figure-4.3 --results {input.results} --random {input.random}"
        " --dataset {params.dataset} --attack {params.attack} 2> {log}"


rule draw_figure_4_4:
    input:
        results="results/tables/queries.csv",
        random="results/tables/random.csv",
        code=sources("figures.threshold", "figures.style"),
    output:
        multiext("results/figures/figure-4.4", ".svg", ".png", ".pdf"),
    log:
        "results/logs/figures/figure-4.4.log",
    conda:
        "../envs/environment.yaml"
    params:
        attack=lambda w: figure("4.4").attack,
    shell:
        "cvpire figure-threshold results/figures/figure-4.4 --results {input.results} --random {input.random}"
        " --attack {params.attack} 2> {log}"


rule draw_figure_4_6:
    input:
        # Which query is shown may follow from the results, so all photos of the dataset must be there.
        results="results/tables/queries.csv",
        maps=lambda w: [
            f"results/{figure('4.6').dataset}/variance/{map_of('4.6')}/{photo}.npy"
            for photo in dataset(figure("4.6").dataset).queries
        ],
        code=sources("figures.comparison", "figures.style", "photos"),
    output:
        multiext("results/figures/figure-4.6", ".svg", ".png", ".pdf"),
    log:
        "results/logs/figures/figure-4.6.log",
    conda:
        "../envs/environment.yaml"
    params:
        options=lambda w: as_options(figure("4.6"), "dataset", "query", "crop", "magnification"),
        map=lambda w: map_of("4.6"),
        attacks=lambda w: attack_summary(*CONFIG.attacks_on(figure("4.6").dataset)),
    shell:
        "cvpire figure-comparison results/figures/figure-4.6 --results {input.results} --root results"
        " {params.options} --map {params.map} --attacks {params.attacks:q} 2> {log}"


rule draw_figure_4_12:
    input:
        results="results/tables/queries.csv",
        random="results/tables/random.csv",
        code=sources("figures.iterations", "figures.style"),
    output:
        multiext("results/figures/figure-4.12", ".svg", ".png", ".pdf"),
    log:
        "results/logs/figures/figure-4.12.log",
    conda:
        "../envs/environment.yaml"
    params:
        dataset=lambda w: figure("4.12").dataset,
    shell:
        "cvpire figure-iterations results/figures/figure-4.12 --results {input.results} --random {input.random}"
        " --dataset {params.dataset} 2> {log}"


rule figures:
    input:
        expand("results/figures/figure-{number}.{suffix}", number=CONFIG.figures, suffix=["svg", "png", "pdf"]),
