"""Readers of bytes that somebody else made: downloads, files of users, results that another program may have touched.

The one rule: foreign bytes are data. How much they ask for is looked at before memory is taken, nothing that they hold
is executed, nothing is written but what the caller names, and whatever is wrong with them becomes one `InputError`
that names the file, or a `ValueError` where the reader is given no path (`pickles`, `torch_files`, `arrays`, `matlab`).

`pickles`       pickles of plain data and arrays (ground truth)
`torch_files`   what torch saves: tensors, plain data and arrays
`checkpoints`   weights of networks in such files, which fit and are finite
`onnx_files`    weights of networks in ONNX files
`arrays`        numpy's files: variance maps, perturbations, descriptors, vocabularies
`matlab`        MATLAB files of level 5 (ground truth)
`yaml`          the configuration and the addresses of downloads
`archives`      zip and tar files of photos
`crates`        archives of runs
==============  ======================================================================================
=======
===================  ======================================================================================
`pickles`            pickles of plain data and arrays (ground truth)
`torch_files`        what torch saves: tensors, plain data and arrays
`safetensors_files`  safetensors: tensors and nothing else
`checkpoints`        weights of networks in such files, which fit and are finite
`onnx_files`         weights of networks in ONNX files
`arrays`             numpy's files: variance maps, perturbations, descriptors, vocabularies
`matlab`             MATLAB files of level 5 (ground truth)
`yaml`               the configuration and the addresses of downloads
`archives`           zip and tar files of photos
`crates`             archives of runs
===================  ======================================================================================

By the same rule, `cvpire.photos` decodes photos, and whoever needs JSON or CSV reads it: their parsers make nothing
but plain values, which the reader checks. The tests in tests/hostile hold all of them to it.
"""
