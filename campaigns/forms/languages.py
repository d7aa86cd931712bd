"""What languages are called, for people to choose from."""

from __future__ import annotations

LANGUAGES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fi": "Finnish", "fr": "French", "he": "Hebrew", "hu": "Hungarian", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "nb": "Norwegian", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip


def language(locale: str) -> str:
    """`pt-BR` for people: Portuguese (pt-BR)."""
    name = LANGUAGES.get(locale.partition("-")[0].lower())
    return f"{name} ({locale})" if name else locale
