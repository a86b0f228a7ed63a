"""Mail: fields, forms of a text, quoted messages and attachments."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

from rag.types import Document

HEAD = "From: Ada Lind <ada@lock.example>\nTo: Ola <ola@lock.example>\nDate: Tue, 3 May 2022 23:30:00 -0500\n"


def counts(document: Document) -> dict[str, str]:
    return {item.what: item.detail for item in document.coverage.omissions}


def message(subject: str = "The lock at Ostby") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ada Lind <ada@lock.example>", "ola@lock.example", subject
    return mail


def test_fields_are_read_and_lines_that_a_program_broke_are_joined(read_document: Callable[..., Document]) -> None:
    subject = "Subject: =?utf-8?Q?Sluse_=C3=98stby?=\n\n"
    text = (
        "Hello Ola,\nthe gate of the lock at Ostby has been repaired by two men of the\nharbour, and it opens at seven."
        "\n\n- one boat\n- two boats\n\nYours\nAda\n-- \nHarbour office\nQuay 3\n"
    )
    document = read_document("a.eml", f"{HEAD}{subject}{text}")
    assert (document.title, document.date) == ("Sluse Østby", "2022-05-03")
    assert document.text == (
        "From: Ada Lind <ada@lock.example>\nTo: Ola <ola@lock.example>\nDate: Tue, 3 May 2022 23:30:00 -0500\n\n"
        "Hello Ola,\nthe gate of the lock at Ostby has been repaired by two men of the harbour, and it opens at seven."
        "\n\n- one boat\n- two boats\n\nYours\nAda\n\nHarbour office\nQuay 3"
    )


def test_plain_text_is_preferred_and_attachments_are_named(read_document: Callable[..., Document]) -> None:
    mail = message()
    mail.set_content("The gate opens at seven.")
    mail.add_alternative("<p>The gate opens at <b>seven</b>.</p>", subtype="html")
    mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="Plan Østby.pdf")
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="gate.png")
    document = read_document("a.eml", mail.as_bytes())
    assert document.text.endswith("\n\nThe gate opens at seven.")
    assert counts(document) == {"attachments": "Plan Østby.pdf", "images": "gate.png"}
    assert [item.what for item in document.coverage.omissions if item.lost] == ["attachments"]


def test_html_is_read_where_the_plain_text_says_nothing(read_document: Callable[..., Document]) -> None:
    mail = message()
    mail.set_content("See the HTML.")
    table = "<table><tr><th>Lock</th><th>Boats</th></tr><tr><td>Ostby</td><td>4</td></tr></table>"
    page = "<html><body><p>The gate opens at seven, and it closes at nine in the evening.</p>{}</body></html>"
    mail.add_alternative(
        page.format(table),
        subtype="html",
    )
    text = read_document("a.eml", mail.as_bytes()).text
    assert "The gate opens at seven, and it closes at nine in the evening.\n\nLock; Boats\nOstby; 4" in text
    assert "See the HTML" not in text


def test_quoted_messages_stand_below_who_wrote_them(read_document: Callable[..., Document]) -> None:
    text = (
        "Subject: Re: Gate\n\nAt seven.\n\nOn Mon, 2 May 2022 at 10:00, Ola\n<ola@lock.example> wrote:\n\n"
        "> When does it open?\n>\n> Per wrote:\n>> It is shut.\n> I know.\n\nAnd it closes at nine.\n"
    )
    document = read_document("a.eml", HEAD + text)
    introduction = "On Mon, 2 May 2022 at 10:00, Ola <ola@lock.example> wrote:"
    assert [heading.text for heading in document.headings] == [introduction, "Per wrote:", introduction, "Ada Lind"]
    assert document.text.partition("-0500\n\n")[2] == (
        f"At seven.\n\n{introduction}\n\nWhen does it open?\n\nPer wrote:\n\nIt is shut.\n\n{introduction}\n\nI know."
        "\n\nAda Lind\n\nAnd it closes at nine."
    )


def test_head_of_an_earlier_message_is_its_heading(read_document: Callable[..., Document]) -> None:
    text = "Subject: Fwd\n\nSee below.\n\n-----Original Message-----\n"
    text += "From: Per\nSent: Monday\nSubject: Gate\n\nIt is shut.\n"
    document = read_document("a.eml", HEAD + text)
    assert [heading.text for heading in document.headings] == ["From: Per"]
    assert document.text.endswith("Original Message-----\n\nFrom: Per\n\nSent: Monday\nSubject: Gate\n\nIt is shut.")


def test_attached_message_is_read(read_document: Callable[..., Document]) -> None:
    mail, inner = message("Fwd"), message("Gate")
    mail.set_content("See below.")
    inner.set_content("It is shut.")
    mail.add_attachment(inner)
    document = read_document("a.eml", mail.as_bytes())
    assert [heading.text for heading in document.headings] == ["Gate"]
    assert document.text.endswith(
        "See below.\n\nGate\n\nFrom: Ada Lind <ada@lock.example>\nTo: ola@lock.example\n\nIt is shut."
    )


def test_declared_encoding_is_used(read_document: Callable[..., Document]) -> None:
    head = f"{HEAD}Subject: a\nContent-Type: text/plain; charset=windows-1251\nContent-Transfer-Encoding: 8bit\n\n"
    assert "Шлюз открыт" in read_document("a.eml", head.encode() + "Шлюз открыт".encode("cp1251")).text


def test_encrypted_mail_and_other_files_are_reported(skip_reason: Callable[..., str]) -> None:
    kind = "Subject: a\nContent-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\nAAAA\n"
    assert skip_reason("a.eml", HEAD + kind) == "encrypted: its text needs a key"
    assert skip_reason("b.eml", "Only a text.\n").startswith("no mail")


def test_messages_nested_without_end_are_bounded(read_document: Callable[..., Document]) -> None:
    nested = "Content-Type: message/rfc822\n\nFrom: a@b.example\nSubject: x\n" * 60
    document = read_document("a.eml", f"{HEAD}Subject: a\n{nested}\nIt is shut.")
    assert "nested too deeply, or too many" in counts(document)["parts of other formats"]


def test_attachments_of_a_form_that_is_not_read_are_named(read_document: Callable[..., Document]) -> None:
    page = "--B\nContent-Type: text/html\n\n<p>It is shut.</p>\n"
    file = "--B\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=plan.pdf\n\nxx\n--B--\n"
    mixed = f"--A\nContent-Type: multipart/mixed; boundary=B\n\n{page}{file}--A--\n"
    forms = f"Content-Type: multipart/alternative; boundary=A\n\n--A\nContent-Type: text/plain\n\nIt is shut.\n{mixed}"
    document = read_document("a.eml", f"{HEAD}Subject: a\nMIME-Version: 1.0\n{forms}")
    assert document.text.count("It is shut.") == 1
    assert "plan.pdf" in counts(document)["attachments"]


def test_the_comma_of_an_encoded_name_is_part_of_it(read_document: Callable[..., Document]) -> None:
    head = "From: =?utf-8?Q?Berg=2C_Anna?= <anna@lock.example>\nSubject: a\n\n"
    document = read_document("a.eml", f"{head}> It is shut.\n\nNo, it is open.\n")
    assert "Berg, Anna" in [heading.text for heading in document.headings]
