"""What somebody answers to a text message: STOP and START, in their language.

Reads    Customer, Message
Writes   Suppression and Consent, as delivery.preferences does, and Signal: a STOP through delivery.departures
Promise  STOP is effective for the next hand-over of every run, for everybody at that number; START takes a STOP back,
         and nothing else that stands against the number. Told twice, it is done once: neither word undoes a later one
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.db import transaction

from campaigns import consents, suppressions
from campaigns.config import locales
from campaigns.consents import WHOLE_CHANNEL, Statement
from campaigns.models import Customer, Suppression
from campaigns.models.customers import Channel
from delivery import departures, signals
from delivery.models import Message, Signal
from delivery.signals import Heard

Meaning = Literal["stop", "start"]
SOURCE = "reply to a text message"
# STOP is understood from everybody, as are the words that carriers take for it (CTIA); others by language.
_STOP: dict[str, frozenset[str]] = {
    "": frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "opt out", "revoke"}),
    "de": frozenset({"stopp", "abmelden", "abbestellen", "kündigen", "ende"}),
    "fr": frozenset({"arret", "arrêt", "arreter", "arrêter", "desinscription", "désinscription", "désabonner"}),
    "es": frozenset({"baja", "alto", "cancelar", "detener"}),
    "it": frozenset({"disiscrivi", "cancella", "basta"}),
    "nl": frozenset({"afmelden", "uitschrijven"}),
    "pt": frozenset({"sair", "parar", "cancelar"}),
    "sv": frozenset({"stopp", "avsluta"}),
    "da": frozenset({"afmeld"}),
    "nb": frozenset({"stopp", "avslutt"}),
    "fi": frozenset({"lopeta", "peruuta"}),
    "pl": frozenset({"rezygnuje", "rezygnuję", "koniec"}),
}
_START: dict[str, frozenset[str]] = {
    "": frozenset({"start", "unstop", "subscribe"}),
    "de": frozenset({"anmelden"}),
    "fr": frozenset({"inscription", "reprendre"}),
    "es": frozenset({"alta"}),
    "it": frozenset({"iscrivi"}),
    "nl": frozenset({"aanmelden"}),
}


def meaning(text: str, locale: str = "") -> Meaning | None:
    """What the whole of an answer says; of `STOP please`, its first word. None for what a person should read."""
    said = " ".join("".join(each if each.isalnum() else " " for each in text.casefold()).split())
    if said in _known(_STOP, locale) or said.split(" ")[0] == "stop":
        return "stop"
    return "start" if said in _known(_START, locale) else None


@transaction.atomic
def answer(phone: str, text: str, *, source: str, event: str, now: datetime) -> Meaning | None:
    """What was done of what `phone` (E.164) wrote to the provider account `source`, which calls it `event`."""
    people = list(Customer.objects.filter(phone=phone).order_by("pk")) if phone else []
    last = _last(people)
    writer = next((each for each in people if last and each.pk == last.customer_id), people[0] if people else None)
    meant = meaning(text, (writer.locale or "") if writer else "")
    if meant is None:
        return None
    if last and not _is_new(last, meant, source=source, event=event, now=now):
        return meant  # told before: the other word may have come since
    if meant == "stop":
        suppressions.put(channel=Channel.SMS, address=phone, reason=Suppression.Reason.UNSUBSCRIBED, source=SOURCE)
    else:
        suppressions.take_off(channel=Channel.SMS, address=phone, reason=Suppression.Reason.UNSUBSCRIBED)
    if writer:
        _say(writer, is_granted=meant == "start", text=text, now=now)
    return meant


def _last(people: list[Customer]) -> Message | None:
    """The message that is being answered."""
    texts = Message.objects.filter(customer_id__in=[each.pk for each in people], channel=Channel.SMS)
    return texts.order_by("-pk").first()


def _is_new(answered: Message, meant: Meaning, *, source: str, event: str, now: datetime) -> bool:
    """Writes it down. A START is kept too, where it changes nothing: only so is it known when it is told again."""
    if meant == "stop":
        return departures.note(
            Heard(answered.pk, Signal.Kind.UNSUBSCRIBE, source, event, at=now, human=100, detail="sms")
        )
    return bool(signals.record([Heard(answered.pk, Signal.Kind.UNKNOWN, source, event, at=now, detail="START")]))


def _say(customer: Customer, *, is_granted: bool, text: str, now: datetime) -> None:
    held = customer.consents.filter(channel=Channel.SMS, topic=WHOLE_CHANNEL, is_current=True).first()
    if held is None or held.is_granted is not is_granted:
        said = Statement(Channel.SMS, WHOLE_CHANNEL, is_granted, now, SOURCE, text=text[:300])
        consents.say(customer, [said], by="customer")


def _known(words: dict[str, frozenset[str]], locale: str) -> frozenset[str]:
    return words[""] | words.get(locales.first(filter(None, words), locale), frozenset())
