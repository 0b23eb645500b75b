"""`sitegen publish`: versions of the pages beside each other in one folder that any web server can serve.

Files in reading order: `versions` (their names, order and list), `staging` (a version is built aside, put in place at once, and shares equal
files with the others), `moved` (where a line of one version stands in another), `changes` (the page of what a version gained and lost),
`publish` (all of it).

Rules: publishing the same commit twice changes no octet; a version appears whole or not at all; nothing but versions and the website's own files
is ever removed.
"""

from __future__ import annotations
