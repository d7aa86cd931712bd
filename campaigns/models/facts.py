from __future__ import annotations

from django.db import models

from campaigns.models.customers import Customer

TEXT_SLOTS = NUMBER_SLOTS = 8


class Facts(models.Model):
    """What audience rules ask of a customer most, in one narrow row: read whole, a million at a time.

    Kept by campaigns.ingest in the transaction of every change; campaigns.facts says once more what each column means,
    and proves it every night. `order_value` is in ten-thousandths of the currency's unit. The slots hold the custom
    attributes that an AttributeDefinition gives one. No foreign key is enforced: rows are made and removed with
    their customer.

    The order is that of reading: Postgres finds a column at once while all before it are of fixed width and not NULL.
    """

    customer = models.OneToOneField(
        Customer, primary_key=True, on_delete=models.DO_NOTHING, related_name="facts", db_constraint=False
    )
    seed = models.BigIntegerField()  # 60 bits of the MD5 of external_id: what draws are made from
    order_value = models.BigIntegerField(db_default=0)
    order_count = models.IntegerField(db_default=0)
    consent_email = models.BooleanField(db_default=False)
    consent_sms = models.BooleanField(db_default=False)
    consent_push = models.BooleanField(db_default=False)
    has_email = models.BooleanField(db_default=False)
    has_phone = models.BooleanField(db_default=False)
    suppressed_email = models.BooleanField(db_default=False)  # by the retailer or by the platform
    suppressed_sms = models.BooleanField(db_default=False)
    shares_email = models.BooleanField(db_default=False)  # somebody else has the address too
    shares_phone = models.BooleanField(db_default=False)
    first_order_at = models.DateTimeField(null=True)
    order_1_at = models.DateTimeField(null=True)  # the newest
    order_2_at = models.DateTimeField(null=True)
    order_3_at = models.DateTimeField(null=True)
    order_4_at = models.DateTimeField(null=True)
    order_5_at = models.DateTimeField(null=True)
    engaged_email_at = models.DateTimeField(null=True)
    engaged_sms_at = models.DateTimeField(null=True)
    engaged_push_at = models.DateTimeField(null=True)
    number_1 = models.FloatField(null=True)
    number_2 = models.FloatField(null=True)
    number_3 = models.FloatField(null=True)
    number_4 = models.FloatField(null=True)
    number_5 = models.FloatField(null=True)
    number_6 = models.FloatField(null=True)
    number_7 = models.FloatField(null=True)
    number_8 = models.FloatField(null=True)
    city = models.CharField(max_length=100, null=True)  # noqa: DJ001 -- unknown is NULL here, as rules compare it
    country = models.CharField(max_length=100, null=True)  # noqa: DJ001
    text_1 = models.TextField(null=True)  # noqa: DJ001
    text_2 = models.TextField(null=True)  # noqa: DJ001
    text_3 = models.TextField(null=True)  # noqa: DJ001
    text_4 = models.TextField(null=True)  # noqa: DJ001
    text_5 = models.TextField(null=True)  # noqa: DJ001
    text_6 = models.TextField(null=True)  # noqa: DJ001
    text_7 = models.TextField(null=True)  # noqa: DJ001
    text_8 = models.TextField(null=True)  # noqa: DJ001

    class Meta:
        verbose_name_plural = "facts"

    def __str__(self) -> str:
        return f"facts of {self.customer_id}"
