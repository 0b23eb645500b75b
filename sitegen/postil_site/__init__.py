"""Postil's second product: the platform that shows code beside the RFC it implements.

Point it at a repository and a folder of unmodified RFC texts, and it shows which line of code
implements which sentence of which RFC, what is still to do, and which of it a passing test proves. It
works on any repository and any language, so it imports nothing from `postil`, the mail server in
whose own repository it grew up; the server in turn imports nothing from here. Their only meeting is files:
the site that this package builds, and commands and configuration as the server exports them.

Files in reading order:

1. `model`: the records everything is made of, and the words for status, role and finding.
2. `texts`: RFC texts to documents with sections and requirements; `refs`: comments to references, and where they lead.
3. `pytest_plugin`: the marker `@pytest.mark.rfc("9051", "6.3.12", "words of the sentence")` and
   `pytest --rfc-results FILE`; `worktree`: the name of a working tree's state, by which a result is known to be fresh.
4. `status`: results, decisions and references to the status of each requirement.
5. `config`, `project`: a repository seen whole; what commands and pages are made from, with its caches.
6. `checking`, `outputs`, `patches`, `todos`, `records`: findings and exit codes, other programs' formats, patches, TODOs, JSON.
7. `commands`: the command lines `rfclinks` and `sitegen`; `pages`: the site, with `search` in it; `live` shows it while
   somebody works, `website` makes pages of Markdown, `publish` keeps versions beside each other, `lsp` answers editors.

Rules of the package:

- RFC texts are never changed; raw line numbers are the ground truth.
- One bad file, missing RFC or undecodable text never stops a run: it is counted and reported.
- What the plugin imports stays within the standard library and pytest: it is loaded in every test run of
  every project that has the package.
"""
