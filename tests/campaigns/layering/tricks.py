"""What has been tried to make a locked footer go away: as a block, as rich text, or as a text that fills a slot."""

from __future__ import annotations

_HIDING = [
    "display:none", "display:none!important", "visibility:hidden", "opacity:0",
    "position:fixed;inset:0;background:#fff",
    "position:absolute;top:0;left:0;width:100%;height:9999px;background:#fff;z-index:9999",
    "position:sticky;bottom:0", "float:left;height:9999px", "clip-path:inset(100%)", "transform:scale(0)",
    "transform:translateY(5000px)", "margin-bottom:-500px;background:#fff", "margin-top:99999px", "height:1e6px",
    "height:100000px", "padding:0 0 90000px", "line-height:90000px", "font-size:0", "font:0/0 a", "color:transparent",
    "mix-blend-mode:difference", "filter:opacity(0)", "content-visibility:hidden", "contain:size",
    "overflow:hidden;max-height:0", "text-indent:-9999px", "zoom:0", "columns:1;column-fill:auto;height:1px",
    "display:contents", "display:flex;flex-direction:column-reverse", "writing-mode:vertical-rl",
    "direction:rtl;unicode-bidi:bidi-override", "all:initial", "background:url(https://x.example)",
    "height:calc(100000px)", "height:var(--x,100000px)", "he\\69ght:100000px", "/**/display:none", "DISPLAY:NONE",
    "animation:a 1s forwards", "transition:all 0s", "outline:9999px solid #fff", "box-shadow:0 0 0 9999px #fff",
    "border-bottom:99999px solid #fff", "border-width:2000px", "max-height:0", "width:0", "scale:0", "rotate:x 90deg",
]  # fmt: skip
_ELEMENTS = [
    "<style>#footer,#footer *{display:none!important}</style>", "<style>*{visibility:hidden}",
    "<style>@import 'x';</style>", "<link rel=stylesheet href='data:text/css,*{display:none}'>",
    "<meta http-equiv=refresh content=0>", "<base href='https://evil.example/'>",
    "<script>document.body.innerHTML=''</script>", "<!--", "<!-- --!>", "<!--[if mso]>", "<![CDATA[", "<plaintext>",
    "<xmp>", "<textarea>", "<title>", "<noscript>", "<noframes>", "<iframe>", "<noembed>", "<template>", "<svg>",
    "<svg><style>", "<math><mtext><table><mglyph><style><!--</style>", "<select>", "<option>", "<details>",
    "<dialog>", "<frameset>", "<object>", "<embed>", "<video>", "<canvas>", "<map><area>", "<button>", "<form>",
    "<input type=hidden>", "<marquee behavior=slide direction=up height=1>", "<table>", "<table><tr><td>", "<tr><td>",
    "</td></tr></table>", "</div></div></div>", "</body></html>", "<body hidden>", "<html style='display:none'>",
    "<div hidden>", "<div inert>", "<div style='display:none'>", "<div style=\"display:none", "<div title=\"",
    "<a href='", "<img src=x onerror=\"document.body.innerHTML=''\">", "<p class=footer id=footer>", "<ul><li>",
    "<h1>", "<font size=0>", "<center>", "<pre>", "<listing>", "<blockquote>", "<bdo dir=rtl>", "\u202e", "\u2066",
    "<b><p></b>", "<p><table>", "<a><table><a>", "<nobr><nobr>", "<ruby><rt>", "<div " + "x=1 " * 200, "<div>" * 600,
    "<b>" * 600, "&lt;!--", "&#60;style>", "<\0style>*{display:none}</style>", "< style>*{display:none}</style>",
    "<STYLE>*{display:none}</STYLE>", "<br>" * 3000, "<p>" * 5000, "<img width=1 height=99999>", "<hr size=99999>",
    "<table height=99999></table>", "<td height=99999>x</td>",
]  # fmt: skip

TRICKS = [*(f'<div style="{style}">x</div>' for style in _HIDING), *_ELEMENTS]
