"""`sitegen website`: a folder of Markdown becomes the pages of a website; what is wrong with one page never stops the others.

Files in reading order: `settings` (website/site.toml), `content` (pages and their front matter), `markdown` (text to HTML, contents, links),
`links` (where a link of a page leads), `generated` (protocols and reference, made from rfc/index.txt and from what the programs say of themselves),
`news` (feed, sitemap, robots), `shell` (the frame around a page), `build` (all of it, as little as needed), `history` (last changes, from git).

Rules: the same files give the same octets; nothing is asked of the network; pages work from file:// and without JavaScript.
"""

from __future__ import annotations
