"""Targets that take any octets, for atheris (`make fuzz`) and, with seeds, regressions and hypothesis, for `make test`.

`targets` holds them, `__main__` runs atheris over them, `test_fuzz` replays what was ever found. What a fuzzer finds it leaves as a file in
`regressions/`, named `TARGET-…`; committed, it is tried in every run of the tests.
"""
