"""`rfclinks lsp`: what the pages show, in an editor, while somebody types.

The Language Server Protocol over standard input and output, for any editor and any language that Pygments knows. The texts stay what they are: a definition
is the line of the RFC's own file.

Files in reading order: `desk` (open buffers, their references, and who cites a line), `hover` (the paragraph as Markdown), `complete` (sections
with titles), `offers` (quotes to insert, patches), `server` (the protocol, by pygls). All but the last know nothing of the protocol.
"""
