"""What the pages say that recipients see, in their language. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from campaigns.config import locales

Words = Mapping[str, str]

_ENGLISH = {
    "lang": "en",
    "title": "Your preferences at {brand}",
    "ask": "Unsubscribe from {brand}?",
    "ask_more": "{address} will get no more marketing e-mail from us.",
    "unsubscribe": "Unsubscribe",
    "done": "Done: you will get no more marketing e-mail from {brand}",
    "is_out": "You will get no more marketing e-mail from {brand}",
    "is_out_more": "{address} is unsubscribed, with effect from now.",
    "undo": "That was a mistake: subscribe me again",
    "back": "Welcome back",
    "back_more": "{address} gets e-mail from {brand} again.",
    "choose": "Choose what you get",
    "centre_more": "Choose what you would like to get. It counts from the moment you save it.",
    "email": "E-mail",
    "sms": "Text messages",
    "push": "Push messages",
    "device": "on your devices",
    "refused": "Messages could not be delivered here, or were refused. Please write to us.",
    "barred": "This address is on a list of those that get nothing from us. Please write to us if that is wrong.",
    "measured": "Measurement",
    "counted": "{brand} may see whether I open its e-mails and follow their links",
    "save": "Save",
    "saved": "Saved. It counts from now on.",
    "nothing": "Unsubscribe from everything",
    "bad": "This link is not valid",
    "bad_more": "It may have been cut short on its way. Please open the newest message you have from us and use the "
    "link in there.",
    "gone": "This message cannot be shown any more",
}
_GERMAN = {
    "lang": "de",
    "title": "Ihre Einstellungen bei {brand}",
    "ask": "Von {brand} abmelden?",
    "ask_more": "{address} erhält dann keine Werbe-E-Mails mehr von uns.",
    "unsubscribe": "Abmelden",
    "done": "Erledigt: Sie erhalten keine Werbe-E-Mails mehr von {brand}",
    "is_out": "Sie erhalten keine Werbe-E-Mails von {brand}",
    "is_out_more": "{address} ist ab sofort abgemeldet.",
    "undo": "Das war ein Versehen: wieder anmelden",
    "back": "Willkommen zurück",
    "back_more": "{address} erhält wieder E-Mails von {brand}.",
    "choose": "Auswählen, was Sie erhalten",
    "centre_more": "Wählen Sie, was Sie erhalten möchten. Es gilt, sobald Sie gespeichert haben.",
    "email": "E-Mail",
    "sms": "SMS",
    "push": "Push-Nachrichten",
    "device": "auf Ihren Geräten",
    "refused": "Nachrichten konnten hier nicht zugestellt werden oder wurden abgelehnt. Bitte schreiben Sie uns.",
    "barred": "Diese Adresse steht auf einer Sperrliste und erhält nichts von uns. "
    "Bitte schreiben Sie uns, wenn das falsch ist.",
    "measured": "Messung",
    "counted": "{brand} darf sehen, ob ich E-Mails öffne und Links darin folge",
    "save": "Speichern",
    "saved": "Gespeichert. Es gilt ab sofort.",
    "nothing": "Von allem abmelden",
    "bad": "Dieser Link ist ungültig",
    "bad_more": "Vielleicht wurde er unterwegs abgeschnitten. Bitte öffnen Sie unsere neueste Nachricht und nutzen Sie "
    "den Link darin.",
    "gone": "Diese Nachricht kann nicht mehr angezeigt werden",
}
_FRENCH = {
    "lang": "fr",
    "title": "Vos préférences chez {brand}",
    "ask": "Vous désinscrire de {brand} ?",
    "ask_more": "{address} ne recevra plus d’e-mails commerciaux de notre part.",
    "unsubscribe": "Me désinscrire",
    "done": "C’est fait : vous ne recevrez plus d’e-mails commerciaux de {brand}",
    "is_out": "Vous ne recevez plus d’e-mails commerciaux de {brand}",
    "is_out_more": "{address} est désinscrit, avec effet immédiat.",
    "undo": "C’était une erreur : me réinscrire",
    "back": "Heureux de vous revoir",
    "back_more": "{address} reçoit de nouveau les e-mails de {brand}.",
    "choose": "Choisir ce que vous recevez",
    "centre_more": "Choisissez ce que vous souhaitez recevoir. Votre choix prend effet dès l’enregistrement.",
    "email": "E-mail",
    "sms": "SMS",
    "push": "Notifications",
    "device": "sur vos appareils",
    "refused": "Les messages n’ont pas pu être remis ici, ou ont été refusés. Merci de nous écrire.",
    "barred": "Cette adresse figure sur une liste d’opposition et ne reçoit rien de nous. "
    "Écrivez-nous si c’est une erreur.",
    "measured": "Mesure",
    "counted": "{brand} peut savoir si j’ouvre ses e-mails et si je suis leurs liens",
    "save": "Enregistrer",
    "saved": "Enregistré, avec effet immédiat.",
    "nothing": "Me désinscrire de tout",
    "bad": "Ce lien n’est pas valide",
    "bad_more": "Il a peut-être été coupé en route. Ouvrez notre message le plus récent et utilisez le lien qui s’y "
    "trouve.",
    "gone": "Ce message ne peut plus être affiché",
}
KNOWN: Mapping[str, Words] = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH}


def words(locale: str, accepted: str = "", **values: str) -> Words:
    """In the person's language, else in the first that the browser accepts (its Accept-Language), else in English."""
    asked = [locale, *(part.partition(";")[0].strip() for part in accepted[:200].split(","))]
    language = next((found for each in asked if each and (found := locales.first(KNOWN, each))), "en")
    return {name: said.format(**values) if values else said for name, said in KNOWN[language].items()}
