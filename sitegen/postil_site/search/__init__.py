"""Search without a server: an index in scripts that a page loads as it needs them, from a web server or from files.

Files in reading order: `words` (text to words, the same in Python and in search.js), `units` (what can be found: sections of RFCs, definitions and
blocks of code, TODOs, parts of the website's pages), `index` (units to scripts), `parts` (the parts of a site: RFCs and code apart, so
that a changed line of code costs nothing of the RFCs).

Rules: the same units give the same octets; no script holds a version, commit or date, so that versions share them.
"""

from __future__ import annotations
