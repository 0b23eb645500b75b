"""The pieces that references are made of, as regular expressions over text with single blanks.

None of them may repeat over repeats: lists are read piece by piece in `grammar`, so that the time grows with the text and no faster.
"""

from __future__ import annotations

import re

# What a file must have to be worth a look: RFC and a number within reach (comment leaders between), a sub-series, or an erratum.
HINT = re.compile(rb"rfcs?(?:[ \t]*(?:number|no\.?))?[^A-Za-z0-9]{0,40}0{0,4}[1-9]", re.IGNORECASE)
HINT_SERIES = re.compile(rb"(?:BCP|STD|FYI)[ -]?\d")


def hinted(octets: bytes) -> bool:
    """May there be references? Plain searches first: most files of a tree have none."""
    lowered = octets.lower()
    if b"rfc" in lowered and HINT.search(lowered):
        return True
    if any(word in octets for word in (b"BCP", b"STD", b"FYI")) and HINT_SERIES.search(octets):
        return True
    return b"/errata" in lowered


# RFC 9051, RFC9051, [RFC9051], RFC-9051; not RFC822.SIZE, message/rfc822, time.RFC3339, rfc8312bis, RFC 0822, RFC #123 (Rust's).
RFC = re.compile(
    r"(?<![\w./#@$%+=&\\-])\[?(?P<name>RFCs?|Rfcs?|rfcs?)(?P<gap> ?-? ?(?:[Nn]umber |[Nn]o\.? ?|: )?)(?P<rfc>[1-9]\d{0,5})"
    r"(?![\w@]|\.\w|/(?!RFC)[A-Za-z_]|-?bis\b|-ter\b| bis\b|::|->)\]?(?:'s|’s)?"
)
# lower case and in one word it may be a name: `rfc822`, "rfc1413", rfc2822(), rfc3339-nano, rfc3339=
NAME_BEFORE = re.compile(r"[`'\"<*{]$")
NAME_AFTER = re.compile(
    r"[`'\">=*}]|\(\)|\(\w+\)|-(?!(?:compliant|style|conform|like|based|compatible|valid)\b)[a-z]|:\w"
)

SECTION_WORD = r"(?:[Ss]ections?|SECTIONS?|[Ss]ects?\.?|[Ss]ecs?\.?|[Cc]hapters?|[Cc]h\.|[Cc]lauses?|§§?|ss?\.?(?= ?\d))"
APPENDIX_WORD = r"(?:[Aa]ppendix|APPENDIX|[Aa]ppendices|[Aa]nnex|[Aa]pp\.)"
WORD = re.compile(
    rf"(?:(?P<appendix>{APPENDIX_WORD})|(?P<section>{SECTION_WORD})|(?P<paragraph>[Pp]aragraphs?|[Pp]ara\.?))"
    r" ?(?:[Nn]o\. ?|[Nn]umber |[#:] ?)?(?=[\dA-Za-z(])"
)
# where a reference without an RFC beside it may begin
WORD_START = re.compile(
    rf"(?<![\w.#/-])(?:{APPENDIX_WORD}|{SECTION_WORD}|[Pp]aragraphs?)(?= ?(?:[Nn]o\. ?|[Nn]umber |[#:] ?)?(?:\d|[A-Za-z]\b))"
)
PLURAL = re.compile(
    r"(?:sections|sects|secs|chapters|clauses|appendices|paragraphs|§§|ss\.?)$", re.I
)
NUMBER = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){0,8}|[A-Z](?:\.\d{1,3}){1,8})(?![\w%]|\.\d)")
LETTER = re.compile(r"(?:[A-Z](?![\w'’]|\.\d)|[a-z](?![\w'’]|\.\d| [a-z]))")
LETTERED = re.compile(r"[a-z](?:\.\d{1,3}){1,8}(?![\w%]|\.\d)")
JOIN = re.compile(
    r" ?, ?(?:and |or )| ?[,/&] ?| (?:and|or|to|through|und|et) | ?\.\.\.? ?| ?[-\u2013] ?(?=[\d§A-Z])"
)
MAX_LIST = 24  # sections in one list; a longer one is a table

# Between the RFC and its section: RFC 9051, Section 6; RFC 9051 (see §6); RFC 9051 (IMAP), section 6; (RFC 5321) Section 4.5
SEP = re.compile(
    r" ?(?:[(\[](?![Ss]ee |[Ss]ections? |[Ss]ec|§|[Aa]ppendix)[^()\[\]\n]{1,60}[)\]] ?)?[)\]]? ?[,;:\u2013\u2014-]{0,2} ?[(\[]? ?"
    r"(?:(?:[Ss]ee|[Ii]n|at|under|per|cf\.?) )?(?:the )?"
)
HASH = re.compile(r"#(?:section-|appendix-)?(?=[\dA-Z])")
COLON = re.compile(r":(?=[\dA-Z])")
BARE_SEP = re.compile(r" ?[,:(] ?| - | \u2013 | ")
DASH = re.compile(r" [-\u2013] ")
OF = re.compile(
    r"[)\]]?(?: ?,)? (?:of|in|from|under|per|by|to) (?:the )?(?:IETF |\w+ )?(?=\[?RFCs?|\[?Rfc|\[?rfc|BCP|STD)| ?, ?(?=\[?RFC)| ?[(\[] ?(?=RFC|rfc)| (?=\[?RFC)"
)
PAGE = re.compile(
    r"[ ,;:(]{0,3}(?:on )?(?:[Pp]ages?|[Pp]gs?\.?|pp?\.) ?(?P<page>\d{1,3})(?:[-\u2013]\d{1,3})?(?![\w]|\.\d)"
)
PAGE_OF = re.compile(
    r"(?<![\w.])(?:[Pp]ages?|pp?\.) ?(?P<page>\d{1,3})(?:[-\u2013]\d{1,3})? (?:of|in) (?:the )?(?=\[?RFC|rfc)"
)
ERRATUM = re.compile(
    r"[ ,;:(\[]{0,3}(?:[Vv]erified )?(?:[Ee]rrat(?:a|um)|[Ee]id)(?: ?(?:[Ii][Dd]|EID|eid|number|no\.?))? ?[#:]? ?(?P<eid>\d{1,5})(?![\w]|\.\d)"
)
ERRATUM_OF = re.compile(
    r"(?<![\w.])(?:[Ee]rrat(?:a|um)|[Ee]id)(?: ?(?:[Ii][Dd]|EID|eid|number|no\.?))? ?[#:]? ?(?P<eid>\d{1,5})"
    r"[)\]]?(?: (?:of|to|for|on|in|against) (?:the )?| ?[(,] ?)(?=\[?RFC|rfc)"
)

URL = re.compile(
    r"(?:https?|ftp)://(?P<host>[\w.-]{0,60}(?:rfc-editor\.org|ietf\.org|httpwg\.org|httpwg\.github\.io|rfc\.fyi|quicwg\.org|greenbytes\.de"
    r"|rfc2\.io|w3\.org|faqs\.org|rfc-annotations\.research\.icann\.org|potaroo\.net))(?P<path>/[^\s<>\"'`)\]}|,;\\]*)",
    re.IGNORECASE,
)
URL_RFC = re.compile(
    r"(?:^|[/=])rfc[-_]?0*(?P<rfc>[1-9]\d{0,5})(?=$|[./?#_&)])|/rfc/0*(?P<plain>[1-9]\d{0,5})(?=$|[/#.])",
    re.I,
)
URL_BARE = re.compile(r"[?&]rfc=0*(?P<rfc>[1-9]\d{0,5})", re.I)
URL_SECTION = re.compile(
    r"^(?:section|sec|s)?[-.]?(?P<number>\d+(?:\.\d+){0,8})(?:-\d+(?:\.\d+){0,4})?$", re.I
)
URL_APPENDIX = re.compile(
    r"^(?:appendix|app|section)[-.]?(?P<number>[A-Za-z](?:\.\d+){0,8})(?:-\d+(?:\.\d+){0,4})?$",
    re.I,
)
URL_PAGE = re.compile(r"^page-(?P<number>\d{1,4})$", re.I)
URL_ERRATUM = re.compile(
    r"/errata/eid(?P<eid>\d{1,6})|[?&]eid=(?P<eid2>\d{1,6})|/errata/(?P<eid3>\d{1,6})$", re.I
)

MAX_QUOTE = 2_000  # characters; a double quote that closes further away opened nothing
QUOTE = re.compile(
    rf"[)\]]?[:,;]? ?(?:\"(?P<words>[^\"\n]{{3,{MAX_QUOTE}}})\"|“(?P<typed>[^”\n]{{3,{MAX_QUOTE}}})”)"
)
STATUS = re.compile(
    r"[)\]]? ?,? ?(?P<status>not planned|not applicable|exception) ?:", re.IGNORECASE
)
TODO = re.compile(r"^[\s*/#;!-]{0,8}@?(?:todo|fixme|xxx)\b", re.IGNORECASE)

# Not the IETF's: Rust's and other projects' own requests for comments.
FOREIGN = re.compile(
    r"(?<!\w)(?:[Rr]ust(?:-lang)?|[Ee]mber(?:\.js)?|[Rr]eact|[Yy]arn|[Vv]ue|[Nn]ix(?:OS)?|PHP|[Pp]hp|[Ss]wift|LLVM|llvm|[Gg]atsby|[Cc]rystal|npm|"
    r"[Tt]ensor[Ff]low|TF|[Cc]argo|[Ss]errano|[Dd]eno|[Jj]ulia|[Bb]azel|[Kk]afka|[Aa]ngular|[Ee]lm|CNB|[Pp]ulsar)(?:'s|’s)? $"
)
FOREIGN_AFTER = re.compile(r" ?\((?:[Rr]ust|[Ee]mber|[Rr]eact|[Vv]ue|PHP|[Nn]ix)[^)]{0,40}\)")
FOREIGN_BLOCK = re.compile(
    r"rust-lang/rfcs|rust-lang\.github\.io/rfcs|emberjs/rfcs|reactjs/rfcs|vuejs/rfcs|yarnpkg/rfcs|NixOS/rfcs|wiki\.php\.net/rfc|npm/rfcs"
)
LICENCE = re.compile(
    r"redistribution and use|licensed under the|permission is hereby granted|IETF Trust and the persons|Simplified BSD License"
    r"|SPDX-License-Identifier|permission to use, copy, modify|GNU (?:Lesser )?General Public License",
    re.IGNORECASE,
)
UNITS = re.compile(
    r" (?:octets?|bytes?|bits?|seconds?|secs?|minutes?|hours?|days?|ms|characters?|chars?|lines?|times|messages?|columns?|digits|users?|entries|or more)\b"
)


def path_pattern(roots: tuple[str, ...] = ("rfc",)) -> re.Pattern[str]:
    """References by path, `../rfc/9051:4330`; the folder's name is configurable."""
    names = "|".join(re.escape(root.strip("/").rsplit("/", 1)[-1]) for root in roots)
    return re.compile(
        rf"(?<![\w:./-])(?:(?P<up>(?:\.{{1,2}}/){{1,12}})|(?P<folders>(?:[\w-]{{1,60}}/){{1,8}}))?(?:{names})/(?:txt/)?(?:rfc)?(?P<rfc>[1-9]\d{{0,5}})"
        r"(?:\.txt)?(?:-eid(?P<eid>\d{1,6}))?(?::(?P<line>\d{1,6})(?:-\d{1,6})?)?(?![\w/-]|\.\w|:\d)"
    )


FILE = re.compile(
    r"(?<![\w./-])(?:[\w.-]{1,60}/){0,8}rfc(?P<rfc>[1-9]\d{0,5})\.txt(?::|#L| line )(?P<line>\d{1,6})(?!\w)"
)
