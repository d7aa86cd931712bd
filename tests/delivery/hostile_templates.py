"""What attackers and accidents write into templates. Data: `PAYLOADS` by kind, and a grammar for random ones."""

from __future__ import annotations

import random
from typing import Any

X, L, BIG = "customer.attributes.x", "customer.attributes.list", "content.big"

PERSON: dict[str, Any] = {
    "customer": {
        "external_id": "c1", "email": "ana@example.test", "first_name": "Ana", "last_name": "Smith", "city": "Leeds",
        "locale": "en-GB", "timezone": "Europe/London",
        "attributes": {
            "x": "{{ 7 * 7 }}<script>alert(1)</script>\r\nBcc: x@y.example", "n": 10**300, "f": 1e308, "neg": -1,
            "list": [{"name": "a", "price": i, "tags": ["t"] * 20} for i in range(120)], "none": None, "deep": {"a": {"b": {"c": 1}}},
        },
    },
    "retailer": {"slug": "acme", "name": "Acme", "timezone": "UTC"},
    "brand": {"name": "Acme", "website": "https://acme.example", "colour": "#123456"},
    "campaign": {"key": "k", "name": "n"},
    "content": {"big": "x&<" * 60_000, "headline": "h"},
    "unsubscribe_url": "https://u.example", "preferences_url": "https://p.example",
}  # fmt: skip

_DUNDERS = (
    "__class__", "__class__.__mro__[1].__subclasses__()", "__init__.__globals__", "__dict__", "__reduce__",
    "__getattribute__('x')", "__format__('x')", "_private", "__html__",
)  # fmt: skip
_SET_DOUBLING = "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}"
_PLUS_DOUBLING = _SET_DOUBLING.replace("a ~ a", "a + a")
_REPLACE_CHAIN = "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a | replace('x', 'xxxxxxxxxx') %}" * 12 + "{{ a }}"
_LOOPS = "{{% for a in {0} %}}{{% for b in {0} %}}{{% for c in {0} %}}{1}{{% endfor %}}{{% endfor %}}{{% endfor %}}"

PAYLOADS: dict[str, list[str]] = {
    "escape": [
        *(f"{{{{ customer.{name} }}}}" for name in _DUNDERS),
        *(f"{{{{ {X}.{name} }}}}" for name in _DUNDERS),
        *(f"{{{{ unsubscribe_url.{name} }}}}" for name in _DUNDERS),
        "{{ customer['__class__'] }}", '{{ customer["__init__"]["__globals__"] }}', "{{ ''.__class__ }}",
        "{{ [].__class__.__base__ }}", "{{ ().__class__ }}", "{{ {}.__class__ }}", "{{ self }}", "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "{{ joiner.__init__ }}", "{{ namespace(a=1) }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}", "{{ config }}", "{{ request }}", "{{ get_flashed_messages() }}",
        "{{ debug() }}", "{{ dict(a=1) }}", "{{ range(3) }}", "{{ customer.items() }}", "{{ customer.first_name.format(1) }}",
        "{{ unsubscribe_url.encode() }}", "{{ customer | attr('__class__') }}", "{{ customer | map(attribute='__class__') }}",
        "{{ customer | pprint }}", "{{ customer | tojson }}", "{{ 'a' | safe }}", "{{ customer | xmlattr }}", "{{ loop }}",
        "{{ _make }}", "{{ 1 | _present }}", "{{ _made_0 }}", "{% set _made_0 = 1 %}{{ _made_0 }}", "{{ super() }}",
        "{% import 'os' as os %}", "{% from 'x' import y %}", "{% include '/etc/passwd' %}", "{% extends 'x' %}",
        "{% block a %}{% endblock %}", "{% autoescape false %}{{ 1 }}{% endautoescape %}", "{% do 1 %}", "{% with a=1 %}{% endwith %}",
        "{% filter upper %}x{% endfilter %}", "${7*7}", "<%= 7*7 %>", "#{7*7}", "{{= 7*7 }}", "{%% if %}", "{{ '%s' % customer }}",
        "{{{ customer }}}", "{{ customer }}", "{{ customer.attributes }}", "{{ [customer] | join }}", "{{ customer.attributes.deep.a }}",
    ],
    "recursion": [
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "{% call a() %}{% endcall %}",
        f"{{% for p in {L} recursive %}}{{{{ loop({L}) }}}}{{% endfor %}}", "{{ loop(1) }}", "{% set a = a %}{{ a }}",
        "{% block x %}{{ self.x() }}{% endblock %}",
    ],
    "growth": [
        _SET_DOUBLING, _PLUS_DOUBLING, _REPLACE_CHAIN,
        "{{ 'x' * 1000000000 }}", "{{ ['x'] * 1000000000 }}", f"{{{{ {BIG} * 100000 }}}}", "{{ 'x' ** 9 }}",
        "{{ 10 ** 10 ** 10 }}", "{{ 2 ** 99999999 }}", "{{ 9999999999999999999999999 }}", "{{ 999999999999999 * 999999999999999 }}",
        "{% set n = 999999999999999 %}" + "{% set n = n | times(n) %}" * 30 + "{{ n }}",
        "{% set n = 999999999999999 %}" + "{% set n = n + n %}" * 200 + "{{ n }}",
        "{{ customer.attributes.n | times(customer.attributes.n) }}", "{{ customer.attributes.n }}", "{{ customer.attributes.n + customer.attributes.n }}",
        "{{ customer.attributes.f | times(10) }}", "{{ customer.attributes.n | money('EUR') }}", "{{ customer.attributes.n | number(10) }}",
        "{{ customer.attributes.n | date }}", "{{ 1 | round(1000000000) }}", "{{ 1 | number(1000000000) }}", "{{ 'x' | truncate(999999999999) }}",
        f"{{{{ {BIG} ~ {BIG} ~ {BIG} ~ {BIG} ~ {BIG} ~ {BIG} ~ {BIG} ~ {BIG} ~ {BIG} ~ {BIG} ~ {BIG} ~ {BIG} }}}}",
        f"{{{{ {BIG} | replace('x', {BIG}) }}}}", f"{{{{ {BIG} | replace('', {BIG}) }}}}", f"{{{{ {BIG} | split('') | join({BIG}) }}}}",
        f"{{{{ {BIG} | split('x') | join({BIG}) }}}}", f"{{{{ {L} | join({BIG}) }}}}", f"{{{{ 'x' | trim({BIG}) }}}}", f"{{{{ 1 | plural({BIG}, {BIG}) }}}}",
        f"{{{{ {BIG} | urlencode }}}}", f"{{{{ {BIG} | escape | escape | escape | escape }}}}", f"{{{{ {BIG} | title | upper | lower | capitalize | trim }}}}",
        f"{{{{ {BIG} | truncate(5) }}}}", f"{{{{ {BIG} | truncatewords(5) }}}}", f"{{{{ {BIG} | date }}}}", f"{{{{ {BIG} | money({BIG}) }}}}",
        f"{{{{ {BIG} | number }}}}", f"{{{{ 1 | date({BIG}) }}}}", f"{{{{ {BIG} | default({BIG}) ~ {BIG} }}}}", f"{{{{ {BIG} | sort | reverse | join }}}}",
        "{{ '2026-01-01' | date('" + "%B" * 28 + "') }}", f"<a href='{{{{ {BIG} }}}}'>", f"<a href='https://a.example/?a={{{{ {BIG} }}}}'>",
    ],
    "loops": [
        _LOOPS.format(L, "x"), _LOOPS.format(L, f"{{{{ {BIG} }}}}"), _LOOPS.format(L, "x" * 80_000), _LOOPS.format(L, "{{ a.name }}"),
        _LOOPS.format(L, f"{{% if {BIG} == {BIG} %}}{{% endif %}}"), _LOOPS.format(L, f"{{% if 'zz' in {BIG} %}}{{% endif %}}"),
        _LOOPS.format(L, f"{{% set q = {BIG} | upper %}}"), _LOOPS.format(L, f"{{% set q = {BIG} ~ {BIG} %}}"),
        _LOOPS.format(L, f"{{% set q = {L} | sort | reverse %}}"), _LOOPS.format(L, f"{{% set q = {BIG} | length %}}"),
        _LOOPS.format(f"({BIG} | split('x'))", "{{ c }}"), _LOOPS.format(BIG, "{{ c }}"), _LOOPS.format("[1, 2, 3]", "x" * 200_000),
        f"{{% for a in {BIG} %}}{{{{ a }}}}{{% endfor %}}", "{% for i in range(1000000000) %}x{% endfor %}", "{% for i in 1000000000 %}x{% endfor %}",
        "{% for k, v in customer | items %}{{ k }}{{ v }}{% endfor %}", f"{{% for a in {L} %}}" * 4 + "x" + "{% endfor %}" * 4,
        f"{{% for a in {L} if {BIG} == {BIG} ~ 'x' %}}x{{% endfor %}}", f"{{% for a in {L} %}}{{% if a in {L} %}}{{% for b in {L} %}}{{% if b in {L} %}}x{{% endif %}}{{% endfor %}}{{% endif %}}{{% endfor %}}",
        f"{{% for a, b, c in {L} %}}x{{% endfor %}}", f"{{% for a in {L} %}}{{% set x = a %}}{{% endfor %}}{{{{ x }}}}",
    ],
    "nesting": [
        "{{ " + "(" * 10_000 + "1" + ")" * 10_000 + " }}", "{{ " + "[" * 10_000 + "]" * 10_000 + " }}", "{{ " + "not " * 10_000 + "1 }}",
        "{{ " + "-" * 10_000 + "1 }}", "{{ 1" + " + 1" * 10_000 + " }}", "{{ 1" + " ~ 1" * 10_000 + " }}", "{{ 'a'" + " | upper" * 10_000 + " }}",
        "{{ customer" + ".a" * 10_000 + " }}", "{{ customer" + "[0]" * 10_000 + " }}", "{{ 1" + " if 1 else 1" * 10_000 + " }}",
        "{% if 1 %}" * 10_000 + "{% endif %}" * 10_000, "{% for a in [1] %}" * 1_000 + "{% endfor %}" * 1_000, "{% if 1 %}" + "{% elif 1 %}" * 4_000 + "{% endif %}",
        "{{ 1 }}" * 4_999, "{{ 1 }}" * 20_000, "{{" * 50_000, "{%" * 50_000, "{#" * 50_000, "{{ '" + "\\" * 100_001, "{% raw %}" * 10_000,
        "<" * 100_000 + "{{ 1 }}", "<!--" * 50_000 + "{{ 1 }}", "<a href='" * 20_000 + "{{ 1 }}", "<a " + "b=c " * 50_000 + ">{{ 1 }}", "<a " + "b" * 200_000 + "{{ 1 }}",
        "<style>" + "</styl" * 40_000 + "{{ 1 }}",
    ],
    "size": [
        "x" * (256 * 1024 + 1), "{{ '" + "x" * 1_000_000 + "' }}", "{# " + "x" * 1_000_000 + " #}", "{{ " + " " * 1_000_000 + "1 }}", "{{ " + "a" * 200_000 + " }}",
        "{{ customer['" + "a" * 200_000 + "'] }}", "{{ '" + "x" * 200_000 + "' ~ '" + "y" * 50_000 + "' }}", "{{ [" + "1," * 100_000 + "] | join }}", "{% set a = '" + "x" * 200_000 + "' %}" + "{{ a }}" * 100,
        "\x00", "{{ '\x00' }}", "\ud800", "{{ customer.\u202ename }}", "{{ customer.first\u200b_name }}", "{{ 'a\u2028b' }}",
    ],
}  # fmt: skip

_ATOMS = (
    "customer.first_name", "customer.city", X, L, "customer.attributes.n", "customer.attributes.none", "customer.attributes.deep.a.b", BIG,
    "brand.name", "content.headline", "unsubscribe_url", "a", "b", "1", "0", "12.5", "'x'", '"<b>"', "true", "none", "[1, 2, 'x']", "''",
    "customer.__class__", "nobody", "loop.index", "customer.attributes.list[0].tags", "customer.attributes.list[:3]", "-1", "999999999999999",
)  # fmt: skip
_FILTERS = (
    "upper", "lower", "title", "default('x')", "default(a)", "truncate(5)", "truncate(999999)", "join(', ')", "join(content.big)", "replace('x', 'xxxx')",
    "replace('a', content.big)", "money('EUR')", "money(a)", "number", "number(2)", "date", "date('%d %B')", "plural('a', 'b')", "times(999999999)", "plus(1)",
    "divided_by(0)", "modulo(3)", "split('x')", "first", "last", "length", "reverse", "sort", "urlencode", "escape", "round", "abs", "trim", "items", "nope", "safe",
)  # fmt: skip
_HTML = (
    "<p>",
    "</p>",
    "<a href='",
    "'>",
    '<img src="',
    '">',
    "<p style='color:",
    "text ",
    "<",
    ">",
    "&amp; ",
    "<script>",
    "</script>",
    "\n",
    "<td ",
    "<!--",
    "-->",
)


def random_template(seed: int) -> str:
    """A template that is often right and often not, always the same for a seed."""
    return _Grammar(random.Random(seed)).body(0)


class _Grammar:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def body(self, depth: int) -> str:
        return "".join(self._node(depth) for _ in range(self._chance.randint(1, 6)))

    def _node(self, depth: int) -> str:
        kind = self._chance.random()
        if kind < 0.3 or depth > 5:
            return self._chance.choice(_HTML)
        if kind < 0.65:
            return f"{{{{ {self._value(0)} }}}}"
        if kind < 0.75:
            return f"{{% set {self._chance.choice('abc')} = {self._value(0)} %}}"
        if kind < 0.87:
            otherwise = f"{{% else %}}{self.body(depth + 1)}" if self._chance.random() < 0.4 else ""
            return f"{{% if {self._value(0)} %}}{self.body(depth + 1)}{otherwise}{{% endif %}}"
        if kind < 0.98:
            over = self._chance.choice((L, BIG, "[1, 2, 3]", self._value(1)))
            return f"{{% for {self._chance.choice('abc')} in {over} %}}{self.body(depth + 1)}{{% endfor %}}"
        return self._chance.choice(("{% endif %}", "{{", "{% raw %}", "{#", "}}", "{% include 'x' %}", "{{ a.b() }}"))

    def _value(self, depth: int) -> str:
        kind = self._chance.random()
        if kind < 0.45 or depth > 4:
            return self._chance.choice(_ATOMS)
        if kind < 0.75:
            return f"{self._value(depth + 1)} | {self._chance.choice(_FILTERS)}"
        if kind < 0.9:
            sign = self._chance.choice(("~", "+", "-", "/", "//", "%", "*", "**", "==", "<", "in", "and", "or"))
            return f"({self._value(depth + 1)} {sign} {self._value(depth + 1)})"
        return f"({self._value(depth + 1)} if {self._value(depth + 1)} else {self._value(depth + 1)})"
