"""Files that go along with e-mails."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from campaigns.config import attached
from campaigns.models import Attachment

_LONGEST = attached.MOST_BYTES * 4 // 3 + 8  # of Base64


class AttachmentSerializer(serializers.ModelSerializer[Attachment]):
    class Meta:
        model = Attachment
        fields = ["digest", "name", "type", "bytes", "created_at"]
        extra_kwargs = {
            "digest": {"help_text": "SHA-256 of what is in it: what templates name it by."},
            "type": {"help_text": "By what is in it, whatever it is called."},
        }


class BroughtFileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80, help_text="As recipients see it, such as size-guide.pdf.")
    content = serializers.CharField(max_length=_LONGEST, trim_whitespace=False, help_text="Base64.")


class NamedFileSerializer(serializers.Serializer[Any]):
    """A file that a template lets go along."""

    name = serializers.CharField(max_length=80)
    digest = serializers.CharField(max_length=64)
