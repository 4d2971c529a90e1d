"""Variance maps: how strongly each pixel may be perturbed before people notice (sections 3.2 and 3.4.1)."""
