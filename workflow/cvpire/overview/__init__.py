"""The page that a run is laid out on."""
