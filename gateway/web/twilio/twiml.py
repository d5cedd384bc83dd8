"""TwiML for messages: what an application answers, read without trust. Nothing of it is carried out here.

There is no DTD, no entity beside XML's own five and no more than `MAX_OCTETS`; what is not known is skipped and said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from gateway.errors import PermanentError

MAX_OCTETS = 64 * 1024
MAX_DEPTH = 8
MAX_VERBS = 100

_MESSAGES = frozenset({"Message", "Sms"})
_INSIDE = frozenset({"Body", "Media"})
_VOICE = frozenset({"Say", "Play", "Dial", "Gather", "Record", "Hangup", "Pause", "Reject", "Enqueue", "Leave"})
_METHODS = ("GET", "POST")
_ATTRIBUTES = {
    "Response": frozenset[str](),
    "Message": frozenset({"to", "from", "action", "method", "statusCallback"}),
    "Sms": frozenset({"to", "from", "action", "method", "statusCallback"}),
    "Redirect": frozenset({"method"}),
    "Body": frozenset[str](),
    "Media": frozenset[str](),
}
_PLAIN = "text/plain"
_XML = frozenset({"text/xml", "application/xml", "text/html"})

RETRIEVAL_FAILED = 11200
CONNECTION_FAILED = 11205
BAD_HOST = 11210
TOO_MANY_HOPS = 11215
NO_TLS = 11220
TOO_LARGE = 11750
NO_XML = 12100
NOT_IN_SCHEMA = 12200
BAD_CONTENT_TYPE = 12300
BAD_BODY = 14103
BAD_METHOD = 14104
TOO_MANY_DOCUMENTS = 14106
TOO_MANY_AT_A_TIME = 14107
TOO_MANY_REPLIES = 14109
BAD_VERB = 14110


class TwimlError(PermanentError):
    """An answer that cannot be carried out. `number`: Twilio's number for it."""

    code = "bad_request"

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a part of an answer, the rest of which is carried out. `number`: Twilio's number for it."""

    number: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`<Message>`. Addresses as they are written, relative ones too; `to`, `sender`: "" for those of the conversation."""

    text: str
    media: tuple[str, ...] = ()
    to: str = ""
    sender: str = ""
    action: str = ""
    method: str = "POST"
    status_callback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """`<Redirect>`: another document takes over."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is to be done, in order, and what was skipped."""

    verbs: tuple[Reply | Redirect, ...] = ()
    problems: tuple[Problem, ...] = ()


def read(content: bytes, content_type: str) -> Document:
    """An answer → what it asks for. Raises TwimlError."""
    kind, _, parameters = content_type.lower().partition(";")
    if len(content) > MAX_OCTETS:
        raise TwimlError(TOO_LARGE, f"the answer has more than {MAX_OCTETS} octets")
    if not content.strip():
        return Document()
    if kind.strip() == _PLAIN:
        text = _decoded(content, parameters)
        return Document(verbs=(Reply(text=text),) if text else ())
    if kind.strip() not in _XML:
        raise TwimlError(BAD_CONTENT_TYPE, f"an answer of type {kind.strip()[:60]!r} is neither XML nor text/plain")
    return _Reader().read(content)


def _decoded(content: bytes, parameters: str) -> str:
    charset = parameters.partition("charset=")[2].strip(' "') or "utf-8"
    try:
        return content.decode(charset).strip()
    except (LookupError, ValueError) as error:
        raise TwimlError(BAD_CONTENT_TYPE, f"the answer is no text in {charset[:40]!r}") from error


@dataclass(slots=True)
class _Open:
    """An element whose end has not come yet."""

    name: str
    attributes: Mapping[str, str]
    text: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)


class _Reader:
    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._skipped = 0  # depth inside an element that is not known
        self._verbs: list[Reply | Redirect] = []
        self._problems: list[Problem] = []

    def read(self, content: bytes) -> Document:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_declaration
        parser.EntityDeclHandler = _refuse_declaration
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise TwimlError(NO_XML, f"the answer is no XML: {error}") from error
        except (LookupError, ValueError) as error:  # of an encoding that there is not
            raise TwimlError(NO_XML, "the answer is in an unknown encoding") from error
        return Document(verbs=tuple(self._verbs), problems=tuple(self._problems))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped:
            self._skipped += 1
            if self._skipped > MAX_DEPTH:
                raise TwimlError(NO_XML, f"more than {MAX_DEPTH} elements are in one another")
            return
        if not self._stack and name != "Response":
            raise TwimlError(NO_XML, f"the answer is a <{name[:40]}>, not a <Response>")
        if self._stack and not self._fits(name):
            self._skipped = 1
            number = BAD_VERB if name in _VOICE else NOT_IN_SCHEMA
            self._note(number, f"<{name[:40]}> in <{self._stack[-1].name}> is skipped")
            return
        for unknown in attributes.keys() - _ATTRIBUTES[name]:
            self._note(NOT_IN_SCHEMA, f"the attribute {unknown[:40]!r} of <{name}> is skipped")
        self._stack.append(_Open(name, attributes))

    def _fits(self, name: str) -> bool:
        outer = self._stack[-1].name
        if outer == "Response":
            return name in _MESSAGES or name == "Redirect"
        return outer in _MESSAGES and name in _INSIDE

    def _end(self, _name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        done = self._stack.pop()
        text = "".join(done.text).strip()
        if done.name == "Body":
            self._stack[-1].bodies.append(text)
        elif done.name == "Media":
            self._stack[-1].media.append(text)
        elif done.name == "Redirect":
            self._add(Redirect(url=text, method=self._method(done)))
        elif done.name in _MESSAGES:
            self._message(done, text)

    def _message(self, done: _Open, text: str) -> None:
        reply = Reply(
            text="".join(done.bodies) or text,
            media=tuple(filter(None, done.media)),
            to=done.attributes.get("to", "").strip(),
            sender=done.attributes.get("from", "").strip(),
            action=done.attributes.get("action", "").strip(),
            method=self._method(done),
            status_callback=done.attributes.get("statusCallback", "").strip(),
        )
        if reply.text or reply.media:
            self._add(reply)
        else:
            self._note(BAD_BODY, f"a <{done.name}> has no body and is skipped")

    def _add(self, verb: Reply | Redirect) -> None:
        if len(self._verbs) >= MAX_VERBS:
            raise TwimlError(NOT_IN_SCHEMA, f"the answer has more than {MAX_VERBS} verbs")
        self._verbs.append(verb)

    def _method(self, element: _Open) -> str:
        method = element.attributes.get("method", "POST").strip().upper()
        if method in _METHODS:
            return method
        self._note(BAD_METHOD, f"the method {method[:20]!r} of <{element.name}> is taken for POST")
        return "POST"

    def _characters(self, text: str) -> None:
        if self._stack and not self._skipped:
            self._stack[-1].text.append(text)

    def _note(self, number: int, message: str) -> None:
        if len(self._problems) < MAX_VERBS:
            self._problems.append(Problem(number=number, message=message))


def _refuse_declaration(*_: object) -> None:
    raise TwimlError(NO_XML, "the answer has a DTD, which is refused")
