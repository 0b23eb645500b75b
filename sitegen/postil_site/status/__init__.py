"""From references, decisions and results to the status of each requirement (rules 4, 5 and 9).

Files in reading order: `results` (the results file of our pytest plugin), `junit` (other runners), `decisions` (rfc/requirements/N.toml: what a
person has decided), `executed` (what tests ran), `verdicts` (the status of each requirement and why), `counts` (percentages), `matrix` (all of it as rows).

Rules: what pins nothing colours no sentence. A result counts only while commit and working tree are what they were when the test ran.
"""
