"""Kinds of datasets, one module each: options, what is known before any job runs, and how the photos are listed."""
