"""Messages: what RFC 5322 and MIME say about a run of octets, without changing one of them.

A message is received, kept and given back octet for octet. This package only *describes* it: where
its parts lie, what its fields say, which text it holds. It reads what people really send, so nothing
in it fails on bad input: what is broken becomes simpler (text/plain, application/octet-stream, a
field nobody finds), and what is enormous is cut off at a limit that is named in `limits.py` with its
reason. All of it is linear in the size of the message.

RFC 5322 (format), 2045 to 2047 (MIME), 2231 (parameters), 2183 (disposition), 6532 (UTF-8), 5256 §2
(base subject, sent date), 8970 (preview), 9051 §6.4.5.1 and §7.5.2 (sections and structure).

In reading order:

- `limits.py`: the bounds;
- `fields.py`: a header as fields, folding, the subsets of HEADER.FIELDS;
- `charsets.py`, `words.py`: octets to text, encoded words;
- `params.py`: values with parameters, RFC 2231;
- `part.py`, `parse.py`: the tree of parts, `parse(data)` and `parse_steps(data)`;
- `section.py`: `BODY[1.2.MIME]` as a range of octets;
- `addresses.py`, `dates.py`: structured fields;
- `structure.py`: ENVELOPE and BODYSTRUCTURE as octets for IMAP;
- `transfer.py`: content transfer decoding, whole or streaming;
- `markup.py`, `content.py`: text for search, the preview;
- `threading.py`: identifiers, references, the base subject;
- `compose.py`: the few fields a server adds.

Rules: octets in, octets or text out; no input or output, no clock, no state between calls but small
caches of parsed values. Offsets refer to the message as received.
"""
