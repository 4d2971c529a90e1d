"""Adversarial perturbations for image retrieval: CV-PIRE, SD-PIRE and PIRE (Algorithm 2, section 3.3).

The three differ only in the map that bounds the perturbation and in their hyperparameters.
"""
