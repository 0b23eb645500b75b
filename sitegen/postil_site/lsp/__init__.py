"""A language server over unmodified RFC texts: what `rfclinks` knows, inside any editor (`rfclinks lsp`).

Read in this order: `workspace` (one repository: open buffers, what they cite, and the rest of the repository as it was last
read), `answers` (hover, definition, references, findings: plain functions of a workspace), `offers` (what is typed for you:
completions and quotes), `server` (the protocol, by pygls), `handlers` (what is done for each message).

Rules of the package: only `server` and `handlers` know the protocol; lines are 1-based and columns 0-based characters everywhere else. A
keystroke reads the one buffer that changed and nothing else; the whole repository is read in a thread of its own, at the start and
after a save.
"""
