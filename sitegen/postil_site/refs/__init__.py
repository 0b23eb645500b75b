"""References to RFCs in code: found in comments, docstrings and test markers, never in code itself.

Files in reading order: `sources` (which files), `blocks` (comments and docstrings as joined text with a map back), `grammar` (what people
really write), `words` (the small pieces the grammar is made of), `duvet` (quote blocks of that tool), `markers` (pytest), `code` (the statement a comment
stands at), `scan` (one file to references), `resolve` (references to places in texts).

Rules: the traps of the platform's design come first: a name such as `RFC822.SIZE` is no reference. A file that cannot be read or understood
is counted, and the scan goes on.
"""
