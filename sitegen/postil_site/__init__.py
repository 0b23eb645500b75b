"""Postil's second product: the platform that shows code beside the RFC it implements.

Point it at a repository and a folder of unmodified RFC texts, and it shows which line of code
implements which sentence of which RFC, what is still to do, and which of it a passing test proves. It
works on any repository and any language, so it imports nothing from `postil`, the mail server in
whose own repository it grew up; the server in turn imports nothing from here. Their only meeting is files:
the site that this package builds, and commands and configuration as the server exports them.

Built so far is the part that has to be there from the first test on, since evidence cannot be added
afterwards: tests say which sentence they prove.

Files in reading order:

1. `pytest_plugin`: the marker `@pytest.mark.rfc("9051", "6.3.12", "words of the sentence")` and
   `pytest --rfc-results FILE`, the results file. Loaded by pytest itself, so any project that
   installs this package has the marker.
2. `worktree`: the name of a working tree's state, by which a result is known to be fresh.

Rules of the package:

- RFC texts are never changed; raw line numbers are the ground truth.
- One bad file, missing RFC or undecodable text never stops a run: it is counted and reported.
- What the plugin imports stays within the standard library and pytest: it is loaded in every test run of
  every project that has the package.
"""
