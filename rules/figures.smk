# The thesis's figures, by its numbers.

for number in CONFIG.figures:

    # One rule a figure, because each is drawn by a module of its own, on whose source it depends.
    rule:
        name:
            f"draw_figure_{number}".replace(".", "_")
        input:
            shown=figure_inputs(number),
            code=sources(f"figures.{FIGURES[number].module}", "figures.style", "photos"),
        output:
            report(
                f"results/figures/figure-{number}.svg",
                caption="../workflow/report/figure.rst",
                category=chapter(number),
                labels={"number": f"Figure {number}", **figure_labels(number)},
            ),
            multiext(f"results/figures/figure-{number}", ".png", ".pdf"),
            [f"results/figures/figure-{number}.csv"] if "random" in FIGURES[number].needs else [],
        log:
            f"results/logs/figures/figure-{number}.log",
        localrule: True
        conda:
            "../envs/environment.yaml"
        params:
            number=number,
            caption=FIGURES[number].title,
            options=figure_options(number),
        shell:
            "cvpire figure {params.number} results/figures/figure-{params.number} {params.options} 2> {log}"


rule figures:
    input:
        expand("results/figures/figure-{number}.{suffix}", number=CONFIG.figures, suffix=["svg", "png", "pdf"]),
