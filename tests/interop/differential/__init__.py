"""The same dialogues with our server and with Dovecot: what differs is listed, and an RFC decides who is right.

`words` takes a response apart, `connection` speaks over a raw socket, `facts` says what an answer states in a form that can be
compared, `script` reads the dialogues (`dialogues/*.txt`, and the client's lines of `tests/dialogs/imap`), `steps` plays one against
both servers, `chance` makes dialogues by chance, `rows` reads the list `differences.toml`, `page` writes it as a page of the website.

What is normalised is what may differ: tags, texts for people, UIDVALIDITY, what is told in which order where the RFC leaves it free, MODSEQ to its
place among the others, times of now, and names of capabilities. Everything else must be the same or stand in the list.
"""
