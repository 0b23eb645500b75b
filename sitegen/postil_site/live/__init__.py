"""`sitegen serve` while somebody works: a file is saved, and the page that shows it is the new one.

Read in this order: `watch` (changes of files, gathered into batches), `quick` (the page of one file, made from memory within
milliseconds), `session` (a quick page first, the whole build behind it in a process of its own, what browsers are told), `written` (the website, when the
repository has one), `web`
(pages, and the stream of news), `live.js` (reloads a page where it stood, and shows what is wrong).

Rules of the package: nothing is written into the checkout; no fault in a file, a setting or a build ends the server: it is shown
in the page. A page on the disk is the one `sitegen build` writes: what makes it live is added as it is sent.
"""
