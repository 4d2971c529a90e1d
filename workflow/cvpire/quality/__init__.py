"""Image quality of an altered photo against its original (section 4.1.2, appendix A.1)."""
