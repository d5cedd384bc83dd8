"""`[compliance]`: whom opt-out words stop, which words there are and what is answered, and who is blocked or allowed."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.sections import Section

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl")
MAX_ENTRIES = 10_000

_NUMBERS = re.compile(r"\+[0-9]{5,15}|[0-9]{3,8}|(\+?[0-9]{1,15})?\*")
_SENDERS = re.compile(r"[^\x00-\x1f*+]{1,11}")
_SAYS_SOMETHING = re.compile(r"(?=.*[^\W_]).{1,64}")

_NUMBERS_TOLD = 'a number such as "+491701234567", a short code, or the beginning of numbers such as "+4990*"'


def _number(text: str) -> str:
    if not _NUMBERS.fullmatch(text):
        raise ValueError("form")
    return text


def _sender(text: str) -> str:
    if not _SENDERS.fullmatch(text):
        _number(text)
    return text


def _word(text: str) -> str:
    if not _SAYS_SOMETHING.fullmatch(text):
        raise ValueError("form")
    return text


_One = BeforeValidator(lambda value: [value] if isinstance(value, str) else value)
_Numbers = Annotated[
    tuple[Annotated[str, AfterValidator(_number)], ...], _One, Field(strict=False, max_length=MAX_ENTRIES)
]
_Senders = Annotated[
    tuple[Annotated[str, AfterValidator(_sender)], ...], _One, Field(strict=False, max_length=MAX_ENTRIES)
]
_Words = Annotated[tuple[Annotated[str, AfterValidator(_word)], ...], _One, Field(strict=False, max_length=100)]
_Reply = Annotated[str | None, Field(max_length=480)]
_WORDS_TOLD = "a list of words of 1 to 64 characters, in place of the built-in ones"
_REPLY_TOLD = 'a text of at most 480 characters, in place of the built-in one, or "" for none'


class ListSection(Section):
    """`out`: recipients; `in`: senders."""

    out: _Numbers = Field(default=(), description=f"{_NUMBERS_TOLD}, or a list of such")
    inward: _Senders = Field(default=(), alias="in", description=f"{_NUMBERS_TOLD}, a sender's name, or a list of such")


class ComplianceSection(Section):
    scope: Literal["twilio", "all", "off"] = Field(default="twilio", description='one of "twilio", "all", "off"')
    languages: Annotated[tuple[Literal[*LANGUAGES], ...], Field(strict=False)] = Field(  # type: ignore[valid-type]
        default=LANGUAGES, min_length=1, description=f"a list of {', '.join(LANGUAGES)}"
    )
    replies: bool = Field(default=True, description="true or false")
    opt_out: _Words = Field(default=(), description=_WORDS_TOLD)
    opt_in: _Words = Field(default=(), description=_WORDS_TOLD)
    help: _Words = Field(default=(), description=_WORDS_TOLD)
    opt_out_reply: _Reply = Field(default=None, description=_REPLY_TOLD)
    opt_in_reply: _Reply = Field(default=None, description=_REPLY_TOLD)
    help_reply: _Reply = Field(default=None, description=_REPLY_TOLD)
    block: ListSection = Field(default=ListSection(), description="a table [compliance.block]")
    allow: ListSection = Field(default=ListSection(), description="a table [compliance.allow]")


def check_words(section: ComplianceSection) -> list[str]:
    """Words that stand in two lists, one line each."""
    mistakes, seen = [], dict[str, str]()
    for key in ("opt_out", "opt_in", "help"):
        for word in getattr(section, key):
            first = seen.setdefault(word.casefold(), key)
            if first != key:
                mistakes.append(f"compliance.{key}: {word!r} stands in {first} too")
    return mistakes
