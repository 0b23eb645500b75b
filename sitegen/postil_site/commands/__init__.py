"""The command line: `rfclinks` and `sitegen`. Each command is a module that is imported only when it is called.

Exit codes: 0 done or clean, 2 usage or configuration; `check` has more (rule 15).
"""
