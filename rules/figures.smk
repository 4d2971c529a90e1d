# The thesis's figures, by its numbers.

for number in CONFIG.figures:

    # One rule a figure, because each is drawn by a module of its own, on whose source it depends.
    rule:
        name:
            f"draw_figure_{number}".replace(".", "_")
        input:
            checked(outputs.figure_inputs, PLAN, number),
            code=sources(*code.figure(number)),
        output:
            report(
                f"{outputs.figure_stem(number)}.svg",
                caption="../workflow/report/figure.rst",
                category=outputs.chapter(number),
                labels=outputs.figure_labels(PLAN, number),
            ),
            multiext(outputs.figure_stem(number), ".png", ".pdf"),
            [f"{outputs.figure_stem(number)}.csv"] if FIGURES[number].with_data else [],
        log:
            layout.log(outputs.figure_stem(number)),
        localrule: True
        params:
            number=number,
            stem=subpath(output[0], strip_suffix=".svg"),
            caption=FIGURES[number].title,
            options=lambda w, number=number: as_options(outputs.figure_options(PLAN, number)),
        shell:
            "cvpire figure {params.number} {params.stem} {params.options} 2> {log}"


rule figures:
    input:
        [f"{outputs.figure_stem(number)}{suffix}" for number in CONFIG.figures for suffix in layout.FIGURE_SUFFIXES],
