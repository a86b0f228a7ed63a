from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.ingest import Source, extract
from rag.types import Document

HTML = """<!doctype html><html lang="en"><head><title>The Seychelles Meeting</title>
<meta property="article:published_time" content="2017-01-11"></head><body>
<nav><a href="/">Home</a><a href="/about">About</a></nav>
<article><h1>The Seychelles Meeting</h1>
<p>Erik Prince met Kirill Dmitriev on 11 January 2017 in the Seychelles.<sup><a href="#fn1">1</a></sup>
They spoke for 45 minutes, 10<sup>2</sup> metres from the beach.</p>
<h2>What followed</h2><p>Prince <span
class="redacted">____ ___</span> told the committee that it was a chance meeting over a beer.</p>
<ul><li>first item of the list</li><li>second item of the list</li></ul>
<table><tr><th>when</th><th>who</th></tr><tr><td>January</td><td>Prince</td></tr></table></article>
<aside class="footnotes"><p>1. A footnote body.</p></aside>
<footer>Copyright, cookies, contact</footer><script>alert("x")</script></body></html>"""


def test_headings_stay_and_navigation_footnotes_and_scripts_are_removed(
    read_document: Callable[..., Document],
) -> None:
    document = read_document("s.html", HTML)
    assert (document.title, document.date) == ("The Seychelles Meeting", "2017-01-11")
    assert [(heading.level, heading.text) for heading in document.headings] == [(2, "What followed")]
    assert "in the Seychelles. They spoke for 45 minutes, 10² metres" in document.text
    assert "Prince [redacted] told the committee" in document.text
    assert "first item of the list\nsecond item" in document.text
    assert "when; who\nJanuary; Prince" in document.text
    for removed in ("Home", "footnote body", "cookies", "alert"):
        assert removed not in document.text


def test_front_matter_of_a_site_generator_gives_title_date_and_status_and_is_no_prose(
    read_document: Callable[..., Document],
) -> None:
    front = "---\r\ntitle: Logs of the Harbour\r\nlastmod: 2026-06-15\r\nslug: logs\r\nstatus: Draft only\r\n---\r\n"
    page = "<p>The harbour keeps a log of every ship that comes in.</p>\n<h2>Funding</h2><p>The city pays for it.</p>"
    document = read_document("logs.html", front + page)
    assert (document.title, document.date) == ("Logs of the Harbour", "2026-06-15")
    assert "slug" not in document.text and "---" not in document.text
    assert document.text.startswith("status: Draft only\n\nThe harbour keeps a log")


def test_page_without_an_article_is_read_whole(read_document: Callable[..., Document]) -> None:
    page = "<html><body><div>One short line.</div></body></html>"
    assert "One short line." in read_document("s.html", page).text


def test_page_nested_ten_thousand_deep_gives_a_document_or_a_reason(make_source: Callable[..., Source]) -> None:
    deep = "<div>" * 10_000 + "<p>The innermost element contains a sentence.</p>" + "</div>" * 10_000
    page = f"<html><body><script>{'x' * 100_000}</script>{deep}<p>Another sentence follows.</p></body></html>"
    documents, problems = extract(make_source("deep.html", page))
    assert len(documents) + len(problems) == 1
    assert all("xxxx" not in document.text for document in documents)


def test_preformatted_text_is_code_also_within_a_list(read_document: Callable[..., Document]) -> None:
    items = "<li>First:<pre>a = 1\n  b = <b>2</b></pre></li><li>Second.</li>"
    page = f"<html><body><p>Run it:</p><ul>{items}</ul></body></html>"
    assert read_document("s.html", page).text == "Run it:\n\nFirst:\n\n    a = 1\n      b = 2\n\nSecond."


def test_page_in_one_form_is_read_and_a_search_form_is_not(read_document: Callable[..., Document]) -> None:
    prose = "".join(f"<p>The {what} of the town was built by the same guild in 1771.</p>" for what in ("hall", "gate"))
    page = f"<body><form><input type=hidden value=STATE><main><h1>Guilds</h1>{prose}</main></form></body>"
    assert "The gate of the town was built by the same guild in 1771." in read_document("a.html", page).text
    page = f"<body><main><h1>Guilds</h1>{prose}</main><form><label>Look for words</label><input></form></body>"
    assert "Look for" not in read_document("b.html", page).text


def test_hidden_words_are_left_out_and_counted(read_document: Callable[..., Document]) -> None:
    hidden = [
        '<span style="display:none">ZERO</span>',
        "<span hidden>ONE</span>",
        '<span style="font-size: 0px">TWO</span>',
        '<span style="position:absolute; left:-5000px">THREE</span>',
        '<b class="gone">FOUR</b>',
        '<i style="VISIBILITY: hidden">FIVE</i>',
    ]
    words = " ".join(f"Part {n} of the text is seen{item} by all." for n, item in enumerate(hidden))
    page = f"<head><style>.gone, .x {{ display: none }}</style></head><article><p>{words}</p><p>{words}</p></article>"
    document = read_document("h.html", page)
    assert "Part 5 of the text is seen by all." in document.text
    assert not [word for word in ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE") if word in document.text]
    assert next(item.count for item in document.coverage.omissions if item.what == "hidden text") == 12


def test_questions_in_buttons_and_the_answers_that_they_show_are_read(read_document: Callable[..., Document]) -> None:
    answers = "".join(
        f"<h3><button aria-expanded=false aria-controls=a{n}>What does the {what} cost?</button></h3>"
        f"<div id=a{n} style='display:none'><p>The {what} costs {n + 3} crowns on every day of the year.</p></div>"
        for n, what in enumerate(("boat", "barge", "raft"))
    )
    document = read_document("f.html", f"<article><h1>Tolls</h1><p>All tolls of the lock.</p>{answers}</article>")
    assert "What does the barge cost?" in [heading.text for heading in document.headings]
    assert "The raft costs 5 crowns on every day of the year." in document.text


def test_page_that_a_script_reveals_is_read(read_document: Callable[..., Document]) -> None:
    page = "<body style='opacity:0'><article><p>The lock was closed for three years after a flood.</p></article></body>"
    assert "closed for three years" in read_document("s.html", page).text


@pytest.mark.parametrize("control", ["\x0b", "\x0c", "\x1c ", "\ufffe ", "&#12;", "&#xD800; ", "&#x1C; "])
def test_page_with_characters_that_xml_does_not_know_is_read(
    control: str, read_document: Callable[..., Document]
) -> None:
    page = f"<p>The{control}lock<sup>1</sup> at <b title='{control}'>Ostby</b> opens at seven &#233;.</p>"
    assert read_document("s.html", page).text == "The lock at Ostby opens at seven é."


_CHAPTERS = {
    "Locks": "The lock at {} was dug by hand, and its gates are of oak from the hills above the town.",
    "Bridges": "A bridge of {} arches spans the river, and no cart may cross it when the water is high.",
    "Mills": "The mill of {} ground rye until the war, and its wheel still turns on the day of the fair.",
}


def test_no_article_of_a_page_with_several_is_lost(read_document: Callable[..., Document]) -> None:
    places = ("Ostby", "Varn", "Lund", "Tolle")
    articles = "".join(
        f"<h2>{title}</h2><div class=entry>" + "".join(f"<p>{text.format(place)}</p>" for place in places) + "</div>"
        for title, text in _CHAPTERS.items()
    )
    menu = "".join(f"<a href=/{n}>Page {n} of the guide to the river</a> " for n in range(9))
    footer = "<footer>The guild of Tolle has printed this since the war.</footer>"
    page = f"<body><div id=menu>{menu}</div><h1>The River</h1><div class=weekly>{articles}</div>{footer}</body>"
    document = read_document("weekly.html", page)
    assert not [text for text in _CHAPTERS.values() if text.format("Tolle") not in document.text]
    assert [heading.text for heading in document.headings] == list(_CHAPTERS)
    assert "guide to the river" not in document.text and "printed" not in document.text


def test_two_line_breaks_end_a_paragraph(read_document: Callable[..., Document]) -> None:
    document = read_document("p.html", "<p>The first part ends.<br><br>The second has<br>two lines.</p>")
    assert document.text == "The first part ends.\n\nThe second has\ntwo lines."


def test_list_that_trafilatura_takes_for_links_is_read(read_document: Callable[..., Document]) -> None:
    prose = "".join(f"<p>{text.format('Ostby')}</p>" for text in _CHAPTERS.values())
    items = ("Walls of brick", "Gates of oak, hung in iron", "Two sluices with a wheel each")
    terms = f"<ul class=related-facts>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
    page = f"<body><article><h1>Locks</h1>{prose}{terms}{prose.replace('Ostby', 'Varn')}</article></body>"
    assert "Gates of oak, hung in iron\nTwo sluices" in read_document("l.html", page).text


def test_lists_of_links_and_asides_in_the_body_are_left_out_and_counted(read_document: Callable[..., Document]) -> None:
    prose = "".join(f"<p>{text.format('Ostby')}</p>" for text in _CHAPTERS.values())
    links = "<ul><li><a href=/a>What the guild decided about the mill of Lund</a></li></ul>"
    aside = "<aside><p>Join the guild today and get its letter every week for free.</p></aside>"
    aside += "<div class='comments-area'><p>I would never trust the guild with a bridge again.</p></div>"
    document = read_document(
        "a.html", f"<article><h1>Locks</h1>{prose}<div class=related>{links}</div>{aside}</article>"
    )
    assert "guild" not in document.text
    assert next(item.count for item in document.coverage.omissions if item.what == "navigation and boilerplate") == 3


def test_posts_that_a_forum_shows_without_scripts_are_read(read_document: Callable[..., Document]) -> None:
    posts = "".join(f"<div class=topic-body><p>{text.format('Varn')}</p></div>" for text in _CHAPTERS.values())
    page = f"<body><div id=app></div><noscript data-path=/t/1><h1>River talk</h1>{posts}</noscript></body>"
    assert "its wheel still turns" in read_document("f.html", page).text
    page = f"<body><article>{posts}</article><noscript>Please turn scripts on to see the map.</noscript></body>"
    assert "scripts" not in read_document("g.html", page).text


def test_controls_go_by_their_markup(read_document: Callable[..., Document]) -> None:
    edit = "<span class=mw-editsection>[<a href='/edit?section=1'>rediger</a>]</span>"
    page_mark = "<sup class='reference nowrap'><span title='page'>: 207</span></sup>"
    prose = "".join(f"<p>{text.format('Ostby')}{page_mark}</p>" for text in _CHAPTERS.values())
    skip = "<a class='skip-link' href='#rest'>Hopp over denne delen av siden</a>"
    label = "<span class='visually-hidden'>opens in a new window</span>"
    page = f"<article><h1>River</h1><h2>Works{edit}<a href='#works'>¶</a></h2>{prose}{skip}<p>Thanks to all.{label}</p>"
    document = read_document("w.html", page + f"{prose}</article>")
    assert [heading.text for heading in document.headings] == ["Works"]
    for removed in ("rediger", "207", "Hopp over", "new window", "¶"):
        assert removed not in document.text
    counts = {item.what: item.count for item in document.coverage.omissions}
    assert (counts["navigation and boilerplate"], counts["hidden text"]) == (2, 1)


def test_short_line_is_not_kept_because_its_letters_are_in_the_article(read_document: Callable[..., Document]) -> None:
    prose = "".join(f"<p>{text.format('Ostby')}</p>" for text in _CHAPTERS.values())
    page = f"<body><div>A</div><article><h1>River</h1>{prose}</article></body>"
    assert read_document("z.html", page).text.startswith("The lock at Ostby")


def test_terms_above_their_definitions_are_kept(read_document: Callable[..., Document]) -> None:
    told = "A person who keeps a lock and opens it for the boats that come up the river in the morning."
    terms = "".join(f"<dt>Term {chr(97 + n)}</dt><dd>{told.replace('river', f'river {n}')}</dd>" for n in range(12))
    text = read_document("a.html", f"<body><main><h1>Terms</h1><dl>{terms}</dl></main></body>").text
    assert all(f"Term {chr(97 + n)}" in text for n in range(12))
