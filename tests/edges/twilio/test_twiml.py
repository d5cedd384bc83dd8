"""What an application answers, as Twilio's own generator writes it and as it should never be."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.twilio import twiml
from gateway.web.twilio.twiml import Document, Redirect, Reply, TwimlError, read

XML = "text/xml; charset=utf-8"


def numbers(document: Document) -> list[int]:
    return [problem.number for problem in document.problems]


def test_the_sdks_own_answers_are_read() -> None:
    answers = pytest.importorskip("twilio.twiml.messaging_response")
    response = answers.MessagingResponse()
    response.message("Grüße <&> 👋\nzwei")
    message = response.message(
        to="+491700000003", from_="+491700000001", action="/next", method="GET", status_callback="../status"
    )
    message.body("with a picture")
    message.media("https://host.example/a.png")
    message.media("https://host.example/b.png")
    response.redirect("/more?a=1&b=2", method="GET")
    found = read(response.to_xml().encode(), XML)
    assert found.problems == ()
    assert found.verbs == (
        Reply(text="Grüße <&> 👋\nzwei"),
        Reply(
            text="with a picture",
            media=("https://host.example/a.png", "https://host.example/b.png"),
            to="+491700000003",
            sender="+491700000001",
            action="/next",
            method="GET",
            status_callback="../status",
        ),
        Redirect(url="/more?a=1&b=2", method="GET"),
    )


@pytest.mark.parametrize(
    ("content", "content_type", "verbs"),
    [
        (b"", "", ()),
        (b" \n", "application/octet-stream", ()),
        ("\u00a0".encode(), "text/plain", ()),
        (b"<Response/>", "application/xml", ()),
        (b'<?xml version="1.0"?>\n<Response>\n  <Message>\n  hi\n </Message>\n</Response>\n', XML, (Reply(text="hi"),)),
        (b"<Response><Message><Body>a</Body></Message></Response>", "text/html", (Reply(text="a"),)),
        (b"<Response><Sms>a</Sms></Response>", XML, (Reply(text="a"),)),
        (b"<Response><Message><![CDATA[<b>]]>&amp;&#228;</Message></Response>", XML, (Reply(text="<b>&ä"),)),
        (
            '<?xml version="1.0" encoding="ISO-8859-1"?><Response><Message>ä</Message></Response>'.encode("latin-1"),
            XML,
            (Reply(text="ä"),),
        ),
        ("Grüße".encode(), "text/plain", (Reply(text="Grüße"),)),
        ("Grüße".encode("latin-1"), 'text/plain; charset="iso-8859-1"', (Reply(text="Grüße"),)),
    ],
)
def test_answers_and_what_they_ask_for(content: bytes, content_type: str, verbs: tuple[Reply, ...]) -> None:
    assert read(content, content_type) == Document(verbs=verbs)


@pytest.mark.parametrize(
    ("inside", "number", "verbs"),
    [
        ("<Say>hello<Pause/></Say><Message>a</Message>", twiml.BAD_VERB, (Reply(text="a"),)),
        ("<message>x</message><Message>a</Message>", twiml.NOT_IN_SCHEMA, (Reply(text="a"),)),
        ('<Message colour="red">a</Message>', twiml.NOT_IN_SCHEMA, (Reply(text="a"),)),
        ('<Message method="PUT">a</Message>', twiml.BAD_METHOD, (Reply(text="a"),)),
        ("<Message/><Message>a</Message>", twiml.BAD_BODY, (Reply(text="a"),)),
        ("<Message><Image>x</Image>a</Message>", twiml.NOT_IN_SCHEMA, (Reply(text="a"),)),
    ],
)
def test_what_is_not_known_is_skipped_and_said(inside: str, number: int, verbs: tuple[Reply, ...]) -> None:
    found = read(f"<Response>{inside}</Response>".encode(), XML)
    assert (found.verbs, numbers(found)) == (verbs, [number])


BOMB = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><Response><Message>&b;</Message></Response>'
OUTSIDE = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><Response><Message>&a;</Message></Response>'


@pytest.mark.parametrize(
    ("content", "content_type", "number"),
    [
        ("<Response><Message>a</Response>", XML, twiml.NO_XML),
        ("hello", XML, twiml.NO_XML),
        ("<html><body>Not found</body></html>", "text/html", twiml.NO_XML),
        ("<Response>&unknown;</Response>", XML, twiml.NO_XML),
        ('<?xml version="1.0" encoding="klingon"?><Response/>', XML, twiml.NO_XML),
        (BOMB, XML, twiml.NO_XML),
        (OUTSIDE, XML, twiml.NO_XML),
        ('<!DOCTYPE Response SYSTEM "http://127.0.0.1/x.dtd"><Response/>', XML, twiml.NO_XML),
        (f"<Response>{'<X>' * 5000}{'</X>' * 5000}</Response>", XML, twiml.NO_XML),
        ("<Response>" + "<Message>a</Message>" * 101 + "</Response>", XML, twiml.NOT_IN_SCHEMA),
        ("<Response>" + " " * twiml.MAX_OCTETS + "</Response>", XML, twiml.TOO_LARGE),
        ('{"a": 1}', "application/json", twiml.BAD_CONTENT_TYPE),
        ("x", "", twiml.BAD_CONTENT_TYPE),
        ("x", "text/plain; charset=klingon", twiml.BAD_CONTENT_TYPE),
    ],
)
def test_what_cannot_be_carried_out(content: str, content_type: str, number: int) -> None:
    with pytest.raises(TwimlError) as raised:
        read(content.encode(), content_type)
    assert raised.value.number == number


def test_octets_that_are_no_text_are_no_answer() -> None:
    with pytest.raises(TwimlError):
        read(b"\xff\xfe\xfd", "text/plain")


@given(
    st.binary(max_size=300), st.sampled_from(["text/xml", "text/plain", "text/plain; charset=utf-16", "text/html", "x"])
)
def test_nothing_but_an_error_of_ours_comes_of_any_octets(content: bytes, content_type: str) -> None:
    _read_or_refuse(content, content_type)


@given(
    st.lists(
        st.sampled_from(["<Response>", "</Response>", "<Message>", "</Message>", "<Body>", "</Body>", "a", "&lt;"])
    )
)
def test_nothing_but_an_error_of_ours_comes_of_any_tags(pieces: list[str]) -> None:
    _read_or_refuse("".join(pieces).encode(), "text/xml")


def _read_or_refuse(content: bytes, content_type: str) -> None:
    found = Document()
    with contextlib.suppress(TwimlError):
        found = read(content, content_type)
    assert all(verb.text or verb.media for verb in found.verbs if isinstance(verb, Reply))
