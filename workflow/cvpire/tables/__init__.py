"""Tables: one tidy table of all measurements, and those of the thesis made from it."""
