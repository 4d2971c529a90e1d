# Files from the internet, checked before they get their name; what is there already is not fetched again.
#
# `update` in this file and the next: Snakemake would delete what is there before a job runs, while another run in a
# folder that shares resources/ may be reading it. The jobs keep what is right, and replace nothing else.
from cvpire.datasets.benchmarks import BENCHMARKS


rule download:
    # No `code`: the checksum says what the file is, and an edit of the package must not fetch gigabytes anew.
    output:
        update(layout.DOWNLOAD),
    log:
        "results/logs/downloads/{file}.log",
    localrule: True
    params:
        sha256=lambda w: checked(PLAN.sha256, w.file),
        addresses=lambda w: as_options(CONFIG, "downloads"),
    shell:
        "cvpire fetch {wildcards.file:q} {output:q} {params.addresses} 2> {log:q}"


rule unpack_photos:
    input:
        archives=lambda w: map(PLAN.find, BENCHMARKS[w.photo_set].archives),
        ground_truth=lambda w: PLAN.find(BENCHMARKS[w.photo_set].ground_truth),
        code=sources("untrusted.archives", "datasets.benchmarks"),
    output:
        update(layout.UNPACKED),
    log:
        "results/logs/photos/{photo_set}.log",
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "cvpire unpack {params.folder:q} {input.archives:q} --ground-truth {input.ground_truth:q} 2> {log:q}"
