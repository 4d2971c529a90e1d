"""Figures of the thesis, made from the tidy table of all measurements and from photos."""
