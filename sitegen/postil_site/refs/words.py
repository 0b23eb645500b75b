"""The pieces that references are made of, as regular expressions."""

from __future__ import annotations

import re

# RFC 9051, RFC9051, [RFC9051], RFC-9051; not RFC822.SIZE, message/rfc822, time.RFC3339, rfc8312bis, RFC 0822, RFC #123 (Rust's).
RFC = r"(?<![\w./#@$%+=-])\[?(?:RFC|Rfc|rfc)(?:[ \t\u00a0]|-)?\s?(?P<{0}>[1-9]\d{{0,5}})(?![\w@]|\.\w|/[A-Za-z_]|-\w*[A-Za-z])\]?(?:'s)?"

NUMBER = r"(?:\d{1,3}(?:\.\d{1,3})*(?:\.[a-z])?|[A-Z](?:\.\d{1,3})+|[A-Z](?![\w.]*\w))"
DOTTED = r"(?:\d{1,3}(?:\.\d{1,3})+|[A-Z](?:\.\d{1,3})+)"
WORD = r"(?:[Ss]ections?|SECTIONS?|[Ss]ects?\.?|[Ss]ecs?\.?|[Cc]hapters?|[Cc]h\.|[Cc]lauses?|[Aa]ppendix|APPENDIX|[Aa]ppendices|[Aa]nnex|[Aa]pp\.|[Pp]aragraphs?|§§?|s\.?(?=\s?\d))"
JOIN = r"(?:\s*,\s*(?:and|or)\s+|\s*[,/&]\s*|\s+(?:and|or|to|through)\s+|\s*[-\u2013]\s*(?=[\d§]))"
# a list of sections: 6.3.1, 6.3.2 and §7
LIST = rf"{NUMBER}(?:{JOIN}(?:{WORD}\s*)?{NUMBER}(?![\w]))*"
PAGE = r"(?:[Pp]ages?|pp?\.)\s*(?P<page>\d{1,3})"

URL = re.compile(
    r"https?://(?P<host>[\w.-]*(?:rfc-editor\.org|ietf\.org|httpwg\.org|rfc\.fyi|quicwg\.org|greenbytes\.de|rfc2\.io|w3\.org|faqs\.org))"
    r"(?P<path>/[^\s<>\"'`)\]}|,;]*)",
    re.IGNORECASE,
)
URL_RFC = re.compile(r"(?:^|[/=])rfc[-_]?0*(?P<rfc>[1-9]\d{0,5})(?=$|[./?#_)])", re.IGNORECASE)
URL_SECTION = re.compile(
    r"^(?:section|sec|s)[-.]?(?P<number>\d+(?:\.\d+)*)(?:-\d+(?:\.\d+)*)?$", re.I
)
URL_APPENDIX = re.compile(
    r"^(?:appendix|app)[-.]?(?P<number>[A-Za-z](?:\.\d+)*)(?:-\d+(?:\.\d+)*)?$", re.I
)
URL_PAGE = re.compile(r"^page-(?P<number>\d+)$", re.I)
URL_ERRATUM = re.compile(r"/errata/eid(?P<eid>\d+)|[?&]eid=(?P<eid2>\d+)", re.I)

PATH = re.compile(
    r"(?<![\w:./-])(?:\.{1,2}/)*(?:[\w-]+/)*rfc/(?:rfc)?(?P<rfc>[1-9]\d{0,5})(?:\.txt)?(?:-eid(?P<eid>\d+))?(?::(?P<line>\d+))?(?![\w/]|\.\w)"
)
FILE = re.compile(r"(?<![\w./-])rfc(?P<rfc>[1-9]\d{0,5})\.txt:(?P<line>\d+)(?!\w)")

PROSE = re.compile(
    RFC.format("rfc")
    + r"(?P<sep>\s*[,;:(\u2013\u2014-]*\s*\(?\s*(?:in\s+|the\s+|see\s+|at\s+)?)"
    + rf"(?:(?P<word>{WORD})\s*|(?P<hash>#(?:section|appendix)-))(?P<list>{LIST})(?![\w]|\.\w)"
)
PROSE_PAGE = re.compile(RFC.format("rfc") + r"\s*[,;:(]*\s*(?:on\s+)?" + PAGE + r"(?!\w)")
# no word for "section": a dot in the number, and a section that exists
PROSE_BARE = re.compile(
    RFC.format("rfc")
    + rf"(?P<sep>\s*[,:(]\s*|\s+-\s+|\s+)(?P<list>{DOTTED}(?:{JOIN}{DOTTED})*)(?![\w%]|\.\w)"
)
PROSE_DASH = re.compile(
    RFC.format("rfc") + r"\s+[-\u2013]\s+(?P<list>\d{1,3}(?:\.\d{1,3})*)(?![\w%]|\.\w)"
)
REVERSED = re.compile(
    rf"(?<![\w.])(?P<word>{WORD})\s*(?P<list>{LIST})\)?(?P<sep>\s*,?\s+(?:of|in|from|to|under|per|by)\s+(?:the\s+)?(?:\w+\s+)?|\s*,\s*|\s*\(\s*|\s+)"
    + RFC.format("rfc")
)
SEVERAL = re.compile(
    r"(?<![\w./#@$%+=-])(?:RFCs?|rfcs)\s*(?P<first>[1-9]\d{2,5})(?P<rest>(?:\s*(?:,\s*(?:and|or)|and|or|[,/&+])\s*(?:RFC\s?)?[1-9]\d{2,5}(?![\w.]\w|\w))+)"
)
SERIES = re.compile(
    r"(?<![\w./-])(?P<series>BCP|STD|FYI)[ -]?0*(?P<number>[1-9]\d{0,3})(?![\w]|\.\w)"
)
BARE = re.compile(RFC.format("rfc"))
WEAK = re.compile(rf"(?<![\w.])(?P<word>{WORD})\s*(?P<list>{LIST})(?![\w]|\.\w)")

# Not the IETF's: Rust's and other projects' own requests for comments.
FOREIGN = re.compile(
    r"(?:[Rr]ust(?:-lang)?|[Ee]mber|[Rr]eact|[Yy]arn|[Vv]ue|[Nn]ix|PHP|[Pp]hp|[Ss]wift|LLVM|llvm)['s]*\s+$"
)
NUMBERS = re.compile(NUMBER)
QUOTE = re.compile(r"\)?\s*[:,]?\s*\"(?P<words>[^\"]{3,}?)\"", re.DOTALL)
QUOTE_TYPED = re.compile(r"\)?\s*[:,]?\s*“(?P<words>[^”]{3,}?)”", re.DOTALL)
STATUS = re.compile(r"\s*,\s*(?P<status>not planned|not applicable|exception)\s*:", re.IGNORECASE)
TODO = re.compile(r"^[\s*/#;!-]*@?(?:todo|fixme|xxx)\b", re.IGNORECASE)
LICENCE = re.compile(
    r"redistribution and use|licensed under the|permission is hereby granted|IETF Trust and the persons|Simplified BSD License"
    r"|all rights reserved",
    re.IGNORECASE,
)
