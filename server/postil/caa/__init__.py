"""Who may issue certificates for a name, by its CAA records: read, judged, and suggested.

RFCs: 8659 (the records, the search for the relevant ones), 8657 (bound to an account of the CA and to ways of validation), 9495 (`issuemail`, which
says nothing about servers). A CA must obey these records before it issues; we look at them before we order, to say in words what it
will do, and what somebody else could get from it. No certificate is checked by them: RFC 8659 §1 forbids it.

Files in reading order: `values` the text of a property, read and written; `binding` the two parameters of RFC 8657;
`properties` a record with its meaning; `relevant` the search from the name upwards; `orders` what we are going to ask for; `authorities` CAs that
say they follow RFC 8657; `verdict` may our CA issue; `advice` what is open although it may; `suggest` the records to publish; `zonefile` records as lines of a zone.

Rules: pure; the DNS through `ports.resolver`. What cannot be read authorizes nobody. What was not answered is neither yes nor no.
"""

from __future__ import annotations
