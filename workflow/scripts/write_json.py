"""Write a parameter of a rule, which is JSON, as the rule's output."""

import json

from cvpire.files import write_json

write_json(snakemake.output[0], json.loads(snakemake.params.content))  # noqa: F821 (Snakemake defines it)
