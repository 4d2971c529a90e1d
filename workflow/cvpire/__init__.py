"""Adversarial queries for content-based image retrieval: the computations behind the workflow.

One module a stage: `photos` -> `variance` -> `attack` -> `saving` -> `retrieval`, `quality` -> `tables`, `figures`.
Functions take and return arrays, tensors and plain values; only `cli` and the modules that read or write one kind of
file (`photos`, `datasets`) know paths. `config` is the one definition of every option.
"""
