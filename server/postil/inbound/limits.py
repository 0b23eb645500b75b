"""Every number of local delivery, with its reason."""

from __future__ import annotations

# RFC 5321 §6.3: "SMTP servers using this technique SHOULD use a large rejection threshold, normally at least
# 100 Received entries."
RECEIVED_FIELDS = 100

# How much of a message's beginning is kept to look at its header. A loop shows in the first fields, and the
# fields a submission may lack stand in headers of a few KiB.
HEADER_OCTETS = 256 * 1024

# Addresses of From, To and Cc in which one of the recipient's own is looked for. Whoever writes to more people than that does not write to
# somebody, and thousands of addresses would hold up everybody.
ADDRESSES_READ = 100

# (prefix of IPv4, of IPv6, how many times the base rate it may have): one person can rent a small network, and every
# home has a /64 of IPv6 addresses.
ADDRESS_CLASSES = ((32, 64, 1), (26, 48, 4), (21, 32, 12))

# Messages and recipients per minute from one address without login. A mailing list host delivers a few
# a second; more can wait: the answer is temporary.
MESSAGES_PER_MINUTE = 500
RECIPIENTS_PER_MINUTE = 1500

# Prefixes remembered at a time. At the end of a minute all are forgotten; an attacker with more networks than this
# in one minute makes us forget earlier, never use more memory.
PREFIXES = 20_000

# Mailboxes whose number is remembered between deliveries, so that delivering does not list them each time.
MAILBOXES = 10_000

# Members of a list that are looked at before others get their turn: some milliseconds.
AT_A_TIME = 100

# Octets that our own fields in front of a message may take: Received with the longest names there are, Return-Path, some
# Delivered-To. A member of a list with less room than message and this is left out.
FIELDS_OCTETS = 4096
