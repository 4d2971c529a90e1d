"""Keep a finished run in one file: results, workflow, configuration and environment, with a checksum each.

`contents` finds what belongs to the run, `description` describes it as an RO-Crate, `writing` writes the file;
`cvpire.untrusted.crates` checks one.
"""
