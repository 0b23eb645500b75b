"""The HTTP client: what asks other machines over https, with bounds on everything that comes back.

Files in reading order: `exchange` (a request, an answer, what can go wrong: the shapes a caller sees, and which a test fills
with a dictionary), `client` (the same over the network, by httpx2).

Rules: https only, certificates always verified; no redirect is followed, since whoever asks has to decide whom to trust; no
cookies, no proxies and no settings out of the environment; a body has a limit and a request an end.
"""
