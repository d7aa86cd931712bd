"""The catalog: looked at here; it comes from the retailer's shop, by file or by API."""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.models import Product
from tenants.console import ReadOnly, retailer_console


@admin.register(Product, site=retailer_console)
class ProductAdmin(ReadOnly):
    list_display = ("name", "image", "code", "category", "amount", "availability", "changed")
    list_display_links = ("name",)
    list_filter = ("availability", "category")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("name", "=sku")
    search_help_text = "Part of a name, or the whole SKU"
    ordering = ("name", "pk")
    when_empty = "No products yet. Import a file, or send them to the API."
    begin_with = ("admin:campaigns_import_add", "Import a file")
    fields = ("image", "name", "code", "category", "amount", "availability", "address", "created_at", "updated_at")
    readonly_fields = ("image", "code", "amount", "address")

    @admin.display(description="Image")
    def image(self, product: Product) -> SafeString:
        if not product.image_url:
            return format_html('<span class="c-thumb material-symbols-outlined" aria-hidden="true">{}</span>', "image")
        return format_html(
            '<img class="c-thumb" src="{}" alt="" loading="lazy" referrerpolicy="no-referrer">', product.image_url
        )

    @admin.display(description="SKU", ordering="sku")
    def code(self, product: Product) -> str:
        return product.sku

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, product: Product) -> datetime:
        return product.updated_at

    @admin.display(description="Price", ordering="price")
    def amount(self, product: Product) -> str:
        if product.price is None:
            return "-"
        cents = 2 if product.price == round(product.price, 2) else 4
        return f"{product.price:,.{cents}f} {product.currency}".strip()

    @admin.display(description="Web page")
    def address(self, product: Product) -> SafeString | str:
        if not product.url:
            return "-"
        return format_html('<a class="c-link" href="{0}" rel="noopener noreferrer">{0}</a>', product.url)
