"""HTTP pages: today the start page of localserve, health checks and metrics.

Files in reading order: `guard` who may ask at all, and the headers every answer carries; `overview` what the start
page shows, read from store and accounts; `health` /healthz and /readyz; `challenge` answers to authorities that issue
certificates; `docs` the pages of code and RFCs, made by
another program; `application` the routes;
`templates/` and `static/` what a browser gets.

Rules: pages work without scripts, with the keyboard, in the dark, on a phone, and load nothing from elsewhere. The
Content-Security-Policy allows our own stylesheet and nothing more. Whatever came in a message goes through the
template's escaping. Nothing here changes anything: every route is a GET.
"""
