"""Reading RFC texts: sections, pages, requirements, grammar, and quotes found again."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil_site.model import Document, Erratum, Level, Problems
from postil_site.texts import contents, decode, document, errata, rfcindex, sections
from postil_site.texts.library import Library
from postil_site.texts.normal import mapped, normal
from postil_site.texts.quotes import Match, Quotes

from .sample import SAMPLE


@pytest.fixture(scope="module")
def sample() -> Document:
    return document.read(SAMPLE.encode(), 99999)


def test_sections_and_header(sample: Document) -> None:
    """Headings are found where contents and numbers agree; list items are none; ends lie before the next heading."""
    assert [(s.number, s.title, s.depth) for s in sample.sections] == [
        ("1", "Introduction", 1),
        ("1.1", "Words", 2),
        ("2", "Commands", 1),
        ("2.1", "LIGHT", 2),
        ("A", "Examples", 1),
    ]
    one, words = sample.sections[:2]
    assert one.end_line == words.end_line and one.own_end_line == words.line - 1
    assert [s.anchor for s in sample.sections][-2:] == ["section-2.1", "appendix-A"]
    assert (sample.obsoletes, sample.updates) == ((99990, 99991), (99992,))
    assert sample.title == "The Lamp Switching Protocol"


def test_pages_and_furniture(sample: Document) -> None:
    """Footers, form feeds and heads are furniture; page numbers are kept with their first lines."""
    assert [number for number, _ in sample.pages] == [1, 2]
    gone = [sample.lines[number - 1].strip() for number in sorted(sample.furniture)]
    assert [line for line in gone if line] == [
        "Author                      Standards Track                     [Page 1]",
        "RFC 99999               Lamp Switching Protocol             January 2026",
        "Author                      Standards Track                     [Page 2]",
        "RFC 99999               Lamp Switching Protocol             January 2026",
    ]


def test_requirements(sample: Document) -> None:
    """One requirement a keyword, joined over lines and pages, list items with their intro; figures, grammar and quoted words are none."""
    assert [(r.section, r.keyword, r.clause) for r in sample.requirements] == [
        ("1.1", "MUST", 'A server MUST answer within a second (e.g. by "OK"),'),
        ("1.1", "SHOULD NOT", "and it SHOULD NOT blink."),
        ("1.1", "MAY", "A client MAY wait for the an-swer."),
        (
            "1.1",
            "MUST",
            "A lamp that is switched on, whatever its colour, its age and the room in which it hangs, MUST give light.",
        ),
        ("2", "MUST NOT", "A client MUST NOT: switch a lamp that is broken;"),
        ("2", "MUST NOT", "A client MUST NOT: switch a lamp of another client."),
        ("2.1", "REQUIRED", "The lamp's number is REQUIRED."),
    ]
    assert sample.requirements[1].level is Level.SHOULD_NOT
    assert len({r.id for r in sample.requirements}) == 7
    for requirement in sample.requirements:
        span = requirement.keyword_span
        if span.line == span.end_line and requirement.section != "2":
            assert sample.lines[span.line - 1][span.column : span.end_column] == requirement.keyword


def test_a_changed_sentence_is_a_new_requirement() -> None:
    """Ids survive a new line break and a new page, and change with the words."""
    before = {r.clause: r.id for r in document.read(SAMPLE.encode(), 99999).requirements}
    moved = SAMPLE.replace(
        "A client MAY wait for\n   the an-\n   swer.", "A client MAY\n   wait for the an-swer."
    )
    after = {r.clause: r.id for r in document.read(moved.encode(), 99999).requirements}
    assert after == before
    changed = document.read(SAMPLE.replace("MAY wait", "MAY hope").encode(), 99999)
    assert {r.id for r in changed.requirements} - set(before.values()) == {
        changed.requirements[2].id
    }


def test_grammar_and_references(sample: Document) -> None:
    """Rules know their uses; sections and other RFCs that the text names are found."""
    rules = {rule.name: rule for rule in sample.abnf}
    assert set(rules) == {"light", "lamp"}
    assert len(rules["lamp"].uses) == 1
    assert [(c.rfc, c.section) for c in sample.crossrefs[:2]] == [(99999, "2.1"), (5321, "4.5")]


@pytest.mark.parametrize(
    ("section", "quote", "match", "keywords"),
    [
        ("1.1", "A server MUST answer within a second", Match.FOUND, ["MUST"]),
        ("1.1", "A server MUST … SHOULD NOT blink", Match.FOUND, ["MUST", "SHOULD NOT"]),
        ("1.1", "whatever its colour, its age", Match.FOUND, ["MUST"]),
        ("1.1", "room in which it hangs, MUST give light", Match.FOUND, ["MUST"]),
        ("1.1", "a client may wait", Match.MISSING, []),
        ("1.1", "(e.g. by 'OK')", Match.FOUND, ["MUST"]),
        ("2", "switch a lamp", Match.SEVERAL, []),
        ("2", "The lamp's number is REQUIRED", Match.MISSING, []),
        ("2.1", "The lamp\u2019s number is REQUIRED", Match.FOUND, ["REQUIRED"]),
        ("1.1", "wait for the answer", Match.FOUND, ["MAY"]),
    ],
)
def test_quotes(
    sample: Document, section: str, quote: str, match: Match, keywords: list[str]
) -> None:
    """A quote matches one place of the named section, not of its subsections, and pins what rule 2 says."""
    found = Quotes(sample).find(section, quote)
    assert found.match is match
    assert [r.keyword for r in found.requirements] == keywords


def test_a_stale_quote_is_told_the_nearest_sentence(sample: Document) -> None:
    """Similar words never count; the nearest sentence and its section are named."""
    found = Quotes(sample).find("2", "The lamp's number is REQIRED.")
    assert found.match is Match.MISSING
    assert (found.nearest, found.nearest_section) == ("The lamp's number is REQUIRED.", "2.1")
    assert found.similarity >= 0.9


def test_errata_stand_at_their_words(sample: Document) -> None:
    """A verified erratum is found at the words it corrects, and a quote may have either wording."""
    import dataclasses

    erratum = Erratum(
        1, "Verified", "Technical", "1.1", "within a second", "within two\nseconds", ""
    )
    with_errata = dataclasses.replace(sample, errata=(erratum,))
    span = errata.place(with_errata, erratum)
    assert span is not None
    assert "within a second" in with_errata.lines[span.line - 1]
    quotes = Quotes(with_errata)
    assert quotes.find("1.1", "within two seconds").match is Match.FOUND
    assert quotes.find("1.1", "within a second").erratum == erratum


@given(st.text(max_size=200))
def test_normal_form_maps_back(text: str) -> None:
    """The normal form is its own normal form's shape, and every character knows where it came from."""
    form, origin = mapped(text)
    assert len(form) == len(origin)
    assert all(0 <= at < len(text) for at in origin)
    assert list(origin) == sorted(origin)


_AWKWARD = st.lists(
    st.sampled_from(["-", " ", "\n", "\t", "a", "B", "MUST", " MUST NOT", '"', "\u2019", "\u2010", "\xe9", "\ufb01", "\x01"])
).map("".join)  # fmt: skip


@given(st.one_of(st.text(max_size=200), _AWKWARD))
def test_normal_form_without_its_map(text: str) -> None:
    """The short way gives what the long way gives."""
    assert normal(text) == mapped(text)[0]


@given(
    st.lists(
        st.sampled_from(["a b", "", "x -", "- y", "of the", "  re-"]), min_size=1, max_size=150
    )
)
def test_errata_are_found_in_pieces(lines: list[str]) -> None:
    """A text brought into normal form in pieces is that of the whole, and each place leads back to its character."""
    places = errata.Places(
        Document(1, "", tuple(lines), frozenset(), (), (), (), (), (), (), (), (), ())
    )
    whole, chunks = places._join(1, len(lines))
    assert whole == normal("\n".join(lines))
    for chunk in chunks:
        line, column = chunk.place(chunk.start)
        assert (
            lines[line - 1][column : column + 1] == whole[chunk.start] or whole[chunk.start] == " "
        )


@given(st.binary(max_size=400))
def test_any_octets_are_a_document_or_refused(octets: bytes) -> None:
    """Garbage instead of a text is a short document or a NotAnRfc, nothing else."""
    with contextlib.suppress(document.NotAnRfc):
        document.read(octets, 1)


def test_index() -> None:
    """The index gives titles, successors and the members of the sub-series."""
    index = rfcindex.parse(
        "0001 Host Software. S. Crocker. April 1969. (Format: TXT) (Status: UNKNOWN)\n\n"
        "2119 Key words for use in RFCs to Indicate Requirement Levels. S.\n     Bradner. March 1997. (Format:"
        " TXT) (Updated by RFC8174) (Also\n     BCP0014) (Status: BEST CURRENT PRACTICE)\n\n"
        "3501 INTERNET MESSAGE ACCESS PROTOCOL - VERSION 4rev1. M. Crispin.\n     March 2003. (Format: TXT)"
        " (Obsoletes RFC2060) (Obsoleted by RFC9051)\n     (Updated by RFC4466, RFC4469) (Status: PROPOSED STANDARD)\n\n"
        "9999 Not Issued.\n"
    )
    assert index.newest == 3501
    assert index.entries[3501].title == "INTERNET MESSAGE ACCESS PROTOCOL - VERSION 4rev1"
    assert index.entries[3501].obsoleted_by == (9051,)
    assert index.entries[3501].updated_by == (4466, 4469)
    assert index.series["BCP", 14] == (2119,)


def test_library(tmp_path: Path) -> None:
    """Texts are found, parsed once, and what is no text is a counted problem."""
    folder = tmp_path / "txt"
    folder.mkdir()
    (folder / "rfc99999.txt").write_text(SAMPLE)
    (folder / "rfc99998.txt").write_text("<!DOCTYPE html><title>404</title>")
    (folder / "rfc99997.txt").write_text("")
    problems = Problems()
    library = Library([folder], problems, tmp_path / "cache")
    assert library.available() == [99997, 99998, 99999]
    first = library.document(99999)
    assert first is not None and first is library.document(99999)
    assert Library([folder], problems, tmp_path / "cache").document(99999) == first
    assert library.document(99998) is None and library.document(99997) is None
    assert library.document(4) is None
    assert [path for path, _ in problems.rows] == ["rfc99998.txt", "rfc99997.txt"]


@pytest.mark.parametrize(
    ("rfc", "numbers"),
    [
        (3348, ["1", "2", "3", "5", "6", "7", "8", "9", "10"]),
        (2193, ["1", "2", "3", "4.1", "4.2", "4.3", "4.4", "5.1", "5.2", "6", "7", "8", "9"]),
    ],
)
def test_numbers_that_nobody_used(rfc: int, numbers: list[str], shared_dir: Path) -> None:
    """Texts without contents, in which a number is left out, have all their sections."""
    text = decode.decode((shared_dir / "rfc" / "txt" / f"rfc{rfc}.txt").read_bytes())
    assert [section.number for section in sections.find(text)][: len(numbers)] == numbers


def test_sections_agree_with_the_contents_of_every_rfc(shared_dir: Path) -> None:
    """Over the whole mirror at most 1 % of the entries of the contents are missed and at most 1 % of the sections are not in them."""
    listed = missed = false = 0
    rows = []
    for file in sorted((shared_dir / "rfc" / "txt").glob("rfc*.txt")):
        text = decode.decode(file.read_bytes())
        table = contents.find(text)
        if table is None:
            continue
        wanted = {entry.number for entry in table.entries}
        found = sections.find(text)
        lost = wanted - {section.number for section in found}
        extra = {s.number for s in found if s.depth <= table.depth} - wanted
        listed, missed, false = listed + len(wanted), missed + len(lost), false + len(extra)
        if lost or extra:
            rows.append(f"{file.name}: missed {sorted(lost)}, not listed {sorted(extra)}")
    print("\n".join(rows))
    assert listed > 13_000
    assert missed <= listed / 100, rows
    assert false <= listed / 100, rows
