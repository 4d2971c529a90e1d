"""Numbers of the thesis that follow from others by arithmetic, whatever the photos."""

from functools import cache


@cache
def derived() -> dict[str, tuple[str, float]]:
    """Formula and value of each, by its `measure` in `thesis.csv`.

    Those of chapter 4 are explained by `cvpire.retrieval.random_ranking.derived_numbers`, the kernel by
    `cvpire.figures.gaussian_kernel`.
    """
    from cvpire.figures.gaussian_kernel import pixel_means
    from cvpire.retrieval.random_ranking import derived_numbers
    from cvpire.variance.colour import gaussian

    names = ("top_photos_oxford5k", "top_photos_paris6k", "text_searches_oxford5k", "text_searches_paris6k")
    found = {
        name: (f"{row.formula}: {row.meaning}", float(row.value))
        for name, row in zip(names, derived_numbers().itertuples(), strict=True)
    }
    kernel = pixel_means(3, 1.0)
    for name, place in {"corner": (0, 0), "edge": (0, 1), "centre": (1, 1)}.items():
        found[f"kernel_{name}"] = f"eq. 2.13 averaged over pixels, n = 3, σ = 1: {name}", float(kernel[place])
    return found | {"gauss_3_3": ("eq. 2.13 at x = y = 3, σ = 1", gaussian(3, 3, 1.0))}
