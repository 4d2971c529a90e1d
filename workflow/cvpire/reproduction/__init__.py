"""Each number that the thesis prints beside ours, with a verdict."""
