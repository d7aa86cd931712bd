from __future__ import annotations

from django.db import models

from tenants.models.retailers import Group, Retailer


class Layer(models.Model):
    """What the platform, a group or a retailer says for every campaign below it.

    `policy` (campaigns.config.policy) bounds them; `defaults` (campaigns.config.defaults) fill in what they leave
    out. Neither a group nor a retailer: the platform's own layer.
    """

    group = models.OneToOneField(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="layer")
    retailer = models.OneToOneField(Retailer, null=True, blank=True, on_delete=models.CASCADE, related_name="layer")
    policy = models.JSONField(default=dict, blank=True)
    defaults = models.JSONField(default=dict, blank=True)
    number = models.PositiveIntegerField(default=0)  # grows with every save: the optimistic lock
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(group__isnull=True) | models.Q(retailer__isnull=True), name="layer_of_one"
            ),
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(group__isnull=True, retailer__isnull=True),
                name="one_platform_layer",
            ),
        ]

    def __str__(self) -> str:
        return str(self.group or self.retailer or "platform")
