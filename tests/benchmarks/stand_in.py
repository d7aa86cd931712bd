"""Made-up people and a mail of the reference workload's shape and sizes, for where that workload is not at hand."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import Any

SEED = 11
PRODUCTS = 5  # for each person

SUBJECT = "{{ first_name }}, this week in {{ city }}"

_STYLE = "\n".join(
    f".c{n}{{margin:0 0 {n}px;padding:{n}px 24px;font-family:Verdana,sans-serif;font-size:15px;color:#3{n}3{n}3{n}}}"
    for n in range(9)
)
_NOTES = "\n".join(
    f'<tr><td colspan="2" class="c{n}"><strong>Note {n}.</strong> Orders placed before noon leave our warehouse on '
    f"the same day, and what does not please may come back within {20 + n} days at no cost, unwrapped.</td></tr>"
    for n in range(1, 11)
)
HTML = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>For {{{{ first_name }}}}</title><style>{_STYLE}</style></head>
<body><p class="c1"><a href="{{{{ view }}}}">Read in the browser</a></p><table role="presentation" width="600">
<tr><td colspan="2"><h1>Good day {{{{ first_name }}}} {{{{ last_name }}}},</h1>
<p class="c2">this is new in {{{{ city }}}}. Your plan is <strong>{{{{ plan }}}}</strong>, and you have
<strong>{{{{ points }}}}</strong> points to spend on what follows.</p></td></tr>
{{% for p in products %}}<tr><td class="c3" width="120"><a href="{{{{ p.track }}}}"><img src="{{{{ p.img }}}}"
width="96" height="96" alt="{{{{ p.name }}}}" style="border:0;display:block"></a></td>
<td class="c3" style="vertical-align:top"><p class="c1"><strong>{{{{ p.name }}}}</strong></p>
<p class="c1" style="font-size:12px">{{{{ p.blurb }}}}</p><p class="c1">&euro; {{{{ p.price }}}}</p></td></tr>
{{% endfor %}}<tr><td colspan="2" class="c4"><a href="{{{{ cta }}}}">Everything for you</a></td></tr>
{_NOTES}
</table><p class="c5">You get this because you, {{{{ first_name }}}} {{{{ last_name }}}}, asked for it.
<a href="{{{{ unsub }}}}">Unsubscribe</a></p><img src="{{{{ pixel }}}}" width="1" height="1" alt=""></body></html>
"""
TEXT = """Good day {{ first_name }} {{ last_name }},

this is new in {{ city }}. Your plan is {{ plan }}, and you have {{ points }} points
to spend on what follows; nothing of it costs postage.

{% for p in products %}- {{ p.name }}: EUR {{ p.price }}
{% endfor %}
Unsubscribe: {{ unsub }}
"""

_FIRST = ("Ada", "Béla", "Carla", "Dörte", "Emil", "Fatou", "Gregor", "Hélène", "Ivo", "Jo")
_LAST = ("Abel", "Brandão", "Çelik", "D'Arcy", "Ek", "Fischer", "Green", "Holm")
_CITIES = ("Aarhus", "Bilbao", "Cork", "Düsseldorf", "Évora", "Fürth", "Gdańsk", "Hull")
_THINGS = ("lamp", "kettle", "blanket", "rucksack", "mug", "jacket", "notebook", "basket")


def people(number: int, tenants: int, seed: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(seed)
    shelf = [_product(n) for n in range(200)]
    for n in range(number):
        yield {
            "tenant": n % tenants + 1,
            "recipient_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "email": f"p{n:07d}@d{chance.randrange(50):02d}.example.test",
            "first_name": chance.choice(_FIRST),
            "last_name": chance.choice(_LAST),
            "city": chance.choice(_CITIES),
            "plan": chance.choice(("free", "plus", "pro")),
            "points": chance.randrange(5000),
            "products": chance.sample(shelf, PRODUCTS),
        }


def _product(n: int) -> dict[str, str]:
    name = f"The {n // len(_THINGS) + 1}th {_THINGS[n % len(_THINGS)]}"
    return {
        "sku": f"S{n:04d}",
        "name": name,
        "price": f"{5 + n % 95}.90",
        "url": f"https://shop.example.com/products/{n:04d}/{_THINGS[n % len(_THINGS)]}",
        "img": f"https://cdn.example.com/images/{n:04d}/240x240.jpg",
        "blurb": f"{name}: rated {3 + n % 20 / 10:.1f} of 5 by those who bought it.",
    }
