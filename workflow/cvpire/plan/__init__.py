"""The plan of a run: which files there are, what each is made from, and which options its command gets."""
