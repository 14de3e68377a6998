// Cases that tests and benchmarks share.
