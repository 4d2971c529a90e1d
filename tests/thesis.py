"""What the thesis has: the one list that tests compare configurations and results with."""

OXFORD, PARIS, BOTH, NOTHING = ["oxford5k"], ["paris6k"], ["oxford5k", "paris6k"], []

FIGURES = {
    "1.2": OXFORD,  # its caption names no dataset
    "2.13": NOTHING,
    "2.14": NOTHING,
    "3.1": OXFORD,
    "3.2": OXFORD,
    "3.3": OXFORD,
    "4.1": OXFORD,
    "4.2": PARIS,
    "4.3": OXFORD,
    "4.4": BOTH,
    "4.5": BOTH,
    "4.6": PARIS,
    "4.7": OXFORD,
    "4.8": OXFORD,
    "4.9": OXFORD,
    "4.10": PARIS,
    "4.11": PARIS,
    "4.12": OXFORD,
    "A.1": PARIS,
    "A.2": OXFORD,
    "A.3": OXFORD,
    "A.4": BOTH,
}
"""The thesis's figures that show photos, results or something computed, and the datasets that their captions name. 1.1
and 2.1 to 2.12 are diagrams and pictures of others."""

TABLES = {"4.1", "4.2"}
"""The thesis's tables."""

METHODS = ["CV-PIRE", "SD-PIRE", "PIRE"]
"""Those of Table 4.1."""
