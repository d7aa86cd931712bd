"""Policy and defaults of the platform or a group as one page: typed, checked by the gate, as it is to be saved."""

from __future__ import annotations

from typing import Any

from django import forms

from campaigns import policies
from campaigns.ascode import layer_file
from campaigns.ascode.documents import Source
from campaigns.ascode.layer_file import Planned, Wanted
from campaigns.config.gate import Invalid
from campaigns.forms import defaults
from campaigns.forms.defaults import DefaultsForm
from campaigns.forms.policy import PolicyForm, initial, tell
from campaigns.policies import Owner
from tenants.models import Layer


class LayerForms:
    """`number` is the layer's that its author read; `data` is what was posted, if anything."""

    def __init__(self, owner: Owner, data: Any = None) -> None:
        self.owner = owner
        self.layer: Layer = policies.layer_of(owner)
        self.policy = PolicyForm(data, initial=initial(self.layer.policy), is_platform=owner is None)
        self.defaults = DefaultsForm(data, initial=defaults.initial(self.layer.defaults))
        given = str((data or {}).get("number", ""))
        self.number = int(given) if given.isdecimal() and len(given) < 10 else self.layer.number

    @property
    def fields(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [("Policy", list(self.policy)), ("Defaults", list(self.defaults))]

    def planned(self) -> Planned | None:
        """What saving would change, and its blast radius; None where something is wrong, which its field tells."""
        wanted = self._wanted()
        return layer_file.plan(self.owner, wanted) if wanted else None

    def save(self) -> bool:
        """False where something is wrong. Raises policies.ChangedMeanwhile."""
        wanted = self._wanted()
        if wanted is None:
            return False
        layer_file.apply(self.owner, wanted, number=self.number)
        return True

    def _wanted(self) -> Wanted | None:
        if not all([self.policy.is_valid(), self.defaults.is_valid()]):
            return None
        policy, said = self.policy.document(), self.defaults.document(self.layer.defaults)
        try:
            policies.check(self.owner, policy)
        except Invalid as invalid:
            tell(self.policy, invalid.problems)
        try:
            policies.parse_defaults(said)
        except Invalid as invalid:
            tell(self.defaults, invalid.problems, place=defaults.place)
        is_right = not self.policy.errors and not self.defaults.errors
        return Wanted(Source("", None), policy, said) if is_right else None
