"""Retrieval systems without a network: nothing to take a gradient of.

===================  ==============================================================================
`catalogue`          which kinds there are
`local_features`     SIFT features of a photo, and their shards
`bag_of_words`       a vocabulary of visual words, histograms of them, and their similarities
`verification`       the first photos of a ranking, ordered by where their features lie
`perceptual_hash`    hashes of tiny photos, as vectors
`function`           somebody's own function
===================  ==============================================================================
"""
