"""Content-based image retrieval: descriptors in shards, ranking, average precision."""
