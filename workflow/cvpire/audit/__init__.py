"""Audit of the published adversarial queries: `artefacts` measures them again, `report` writes what comes of it."""
