"""What the forms of SMS, push and webhook templates share: a name, and the problems of content at its fields."""

from __future__ import annotations

from typing import Any, ClassVar

from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from campaigns import content
from campaigns.config.gate import Problem
from campaigns.forms.fields import KeyField
from campaigns.forms.meanwhile import ReadAtForm
from campaigns.models import Template


def line(**attrs: Any) -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs={"class": "c-wide", "autocomplete": "off", **attrs})


def lines(rows: int, **attrs: Any) -> UnfoldAdminTextareaWidget:
    return UnfoldAdminTextareaWidget(attrs={"rows": rows, "class": "c-wide", **attrs})


class ChannelForm(ReadAtForm):
    """`shown` are the names of the fields in order, `channel` what it is for; `places` says at which field a problem of
    the content is told, by the beginning of its path."""

    channel: ClassVar[str]
    shown: ClassVar[tuple[Any, ...]]
    places: ClassVar[dict[str, str]] = {}
    key = KeyField()

    class Meta:
        model = Template
        fields = ["name", "key"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(self.told(self.instance))

    def told(self, template: Template) -> dict[str, Any]:
        """What the fields of this channel show of a template."""
        raise NotImplementedError

    def read_into(self, template: Template) -> list[Problem]:
        """Put what the fields say into a template. Returns what cannot be read; the rest is for the content's check."""
        raise NotImplementedError

    def said(self, name: str) -> str:
        """A field as it was posted, without a carriage return: browsers send lines so."""
        value = self.data.get(self.add_prefix(name), "")
        return str(value).replace("\r\n", "\n")

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        self.instance.channel = self.channel
        problems = self.read_into(self.instance)
        if not problems and not self.errors:
            problems = content.check(self.instance) or content.check_policy(self.instance)
        for problem in problems:
            self.add_error(self._place(problem), problem.message[:1].upper() + problem.message[1:])

    def _place(self, problem: Problem) -> str | None:
        """The longest beginning of a problem's path that has a field."""
        path = problem.field
        while path:
            name = self.places.get(path, path)
            if name in self.fields:
                return name
            path = path.rpartition(".")[0]
        return None
