"""The pages: code and RFC side by side, as static files that work from a folder, without a network and without JavaScript.

Files in reading order: `facts` (what pages know), `gather` (from a project to facts), `markup` (small pieces of HTML), `highlight` and
`codepage` (source files), `rfctext` and `rfcpage` (RFCs), `shortest` (the words a quote needs), `indexes` (the pages that lead to others),
`graphics` (bars, badges), `data` (scripts with previews), `frames` (templates), `output` (the folder), `warm` (what a cold start lacks) and `pool` (by several processes),
`build` and `write` (all of it), `check` (every link and anchor of what was built).

Rules: links and status are in the HTML itself, scripts add previews, keys and filters only. No page holds a version, a commit or a date: those
are in `version.js`, so that pages equal between versions are equal octet for octet (`index.html`, the one page of a version itself, may). Nothing
is asked of another host. No inline script or style: a strict Content-Security-Policy holds.
"""
