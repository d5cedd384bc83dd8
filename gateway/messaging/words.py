"""Opt-out and opt-in words: which texts are one, in which language, and what is answered. Pure tables and functions."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Change(StrEnum):
    """What a word asks for: no more texts, texts again, or to be told how."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"


BUILT_IN: Mapping[str, Mapping[Change, tuple[str, ...]]] = {
    "en": {
        # Twilio's defaults; people who come from there expect the same ones.
        Change.OPT_OUT: ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"),
        Change.OPT_IN: ("START", "YES", "UNSTOP"),
        Change.HELP: ("HELP", "INFO"),
    },
    "de": {
        Change.OPT_OUT: ("STOPP", "ABMELDEN", "ABBESTELLEN", "AUSTRAGEN"),
        Change.OPT_IN: ("ANMELDEN",),
        Change.HELP: ("HILFE",),
    },
    "fr": {
        Change.OPT_OUT: ("ARRET", "ARRÊT", "ARRETER", "ARRÊTER", "DESABONNER", "DÉSABONNER"),
        Change.OPT_IN: ("DEMARRER", "DÉMARRER", "REABONNER", "RÉABONNER"),
        Change.HELP: ("AIDE",),
    },
    "es": {
        Change.OPT_OUT: ("PARAR", "BAJA", "CANCELAR"),
        Change.OPT_IN: ("ALTA", "COMENZAR"),
        Change.HELP: ("AYUDA",),
    },
    "it": {
        Change.OPT_OUT: ("FERMA", "ANNULLA", "DISISCRIVI"),
        Change.OPT_IN: ("INIZIA", "ISCRIVI"),
        Change.HELP: ("AIUTO",),
    },
    "nl": {
        Change.OPT_OUT: ("STOPPEN", "AFMELDEN", "UITSCHRIJVEN"),
        Change.OPT_IN: ("AANMELDEN", "INSCHRIJVEN"),
        Change.HELP: ("HULP",),
    },
    "pt": {
        Change.OPT_OUT: ("SAIR", "REMOVER"),
        Change.OPT_IN: ("INICIAR", "VOLTAR"),
        Change.HELP: ("AJUDA",),
    },
    "pl": {
        Change.OPT_OUT: ("WYPISZ", "REZYGNUJ"),
        Change.OPT_IN: ("ZAPISZ",),
        Change.HELP: ("POMOC",),
    },
}
"""By language. Only words that nobody would send alone and mean something else."""

REPLIES: Mapping[str, Mapping[Change, str]] = {
    "en": {
        Change.OPT_OUT: "You will get no more texts from this number. Send START to get them again.",
        Change.OPT_IN: "You will get texts from this number again. Send STOP to end them.",
        Change.HELP: "Send STOP to get no more texts from this number, START to get them again.",
    },
    "de": {
        Change.OPT_OUT: "Sie erhalten keine SMS mehr von dieser Nummer. Mit START melden Sie sich wieder an.",
        Change.OPT_IN: "Sie erhalten wieder SMS von dieser Nummer. Mit STOPP melden Sie sich ab.",
        Change.HELP: "Mit STOPP erhalten Sie keine SMS mehr von dieser Nummer, mit START wieder.",
    },
    "fr": {
        Change.OPT_OUT: "Vous ne recevrez plus de SMS de ce numéro. Envoyez START pour en recevoir à nouveau.",
        Change.OPT_IN: "Vous recevrez à nouveau les SMS de ce numéro. Envoyez STOP pour les arrêter.",
        Change.HELP: "Envoyez STOP pour ne plus recevoir de SMS de ce numéro, START pour en recevoir à nouveau.",
    },
    "es": {
        Change.OPT_OUT: "No recibirá más SMS de este número. Envíe START para recibirlos de nuevo.",
        Change.OPT_IN: "Recibirá de nuevo los SMS de este número. Envíe STOP para no recibirlos.",
        Change.HELP: "Envíe STOP para no recibir más SMS de este número, START para recibirlos de nuevo.",
    },
    "it": {
        Change.OPT_OUT: "Non riceverà più SMS da questo numero. Invii START per riceverli di nuovo.",
        Change.OPT_IN: "Riceverà di nuovo gli SMS da questo numero. Invii STOP per non riceverli più.",
        Change.HELP: "Invii STOP per non ricevere più SMS da questo numero, START per riceverli di nuovo.",
    },
    "nl": {
        Change.OPT_OUT: "U krijgt geen sms meer van dit nummer. Stuur START om ze weer te krijgen.",
        Change.OPT_IN: "U krijgt weer sms van dit nummer. Stuur STOP om ze niet meer te krijgen.",
        Change.HELP: "Stuur STOP om geen sms meer van dit nummer te krijgen, START om ze weer te krijgen.",
    },
    "pt": {
        Change.OPT_OUT: "Não receberá mais SMS deste número. Envie START para voltar a receber.",
        Change.OPT_IN: "Voltará a receber SMS deste número. Envie STOP para deixar de receber.",
        Change.HELP: "Envie STOP para deixar de receber SMS deste número, START para voltar a receber.",
    },
    "pl": {
        Change.OPT_OUT: "Nie otrzymasz juz SMS-ow z tego numeru. Wyslij START, aby je znow otrzymywac.",
        Change.OPT_IN: "Bedziesz znow otrzymywac SMS-y z tego numeru. Wyslij STOP, aby z nich zrezygnowac.",
        Change.HELP: "Wyslij STOP, aby nie otrzymywac SMS-ow z tego numeru, START, aby je znow otrzymywac.",
    },
}
"""What is answered, in the word's language: one segment each, and no word itself, so that two gateways do not talk for ever."""

LANGUAGES = tuple(BUILT_IN)

LONGEST = 64
"""Characters that a text may have and still be looked at: no word is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A text that is a word: what it asks for, as it was folded, and its language."""

    change: Change
    word: str
    language: str


def fold(text: str) -> str:
    """A text as words are compared: letters and digits alone, without regard to case. "Opt-out!" is "optout"."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in unicodedata.normalize("NFC", plain) if unicodedata.category(char)[0] in "LMN")


class Words:
    """The words of some languages. `own`: an owner's words, in place of the built-in ones for that change."""

    def __init__(self, languages: Sequence[str] = LANGUAGES, own: Mapping[Change, Sequence[str]] | None = None) -> None:
        own = own or {}
        first = languages[0] if languages else "en"
        self._heard: dict[str, Heard] = {}
        for change in Change:
            tables = [(first, own[change])] if change in own else [(each, BUILT_IN[each][change]) for each in languages]
            for language, words in tables:
                for word in map(fold, words):
                    self._heard.setdefault(word, Heard(change=change, word=word, language=language))

    def find(self, text: str) -> Heard | None:
        """The word that a whole text is; None when it is none, or says anything else beside it."""
        return self._heard.get(fold(text)) if 0 < len(text.strip()) <= LONGEST else None
