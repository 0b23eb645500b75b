"""RFC texts, read: unchanged octets in, `model.Document` out.

Files in reading order: `decode` (octets to lines; page furniture and page numbers), `contents` (the table of contents),
`sections` (headings found where contents, order and blank lines agree), then requirements, grammar, errata and the index; at last how texts get
here: `mirror` (a folder or an address), `lock` (what each text must be), `fetch`.

Rules: a text is never changed; every number kept is a raw line number; a text that cannot be understood gives a document
with fewer sections, never an exception. Only `mirror` opens a socket; files are read by `library` and `fetch` only.
"""
