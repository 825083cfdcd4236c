"""The page's style sheet: light and dark by the reader's own setting, and a form for paper."""

from typing import Final

DATACENTER_COLOURS: Final = ("#2f6fde", "#0e9f6e", "#c2571a", "#8b5cf6", "#d03a7a", "#0891b2")
"""One colour for each data center, in the topology's order, used wherever it appears."""

STYLE: Final = """
:root {
  color-scheme: light dark; --paper:#f5f6f9; --card:#fff; --ink:#18202e; --soft:#5b6678; --line:#e0e4eb;
  --tint:#f0f3f8; --good:#0b7a55; --good-bg:#dcf5ea; --warn:#8f5a00; --warn-bg:#fdf0d0; --bad:#b3261e;
  --bad-bg:#fbe0de; --idle:#5b6678; --idle-bg:#e9ecf1; --note:#1d4fae; --note-bg:#e1ebfc;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper:#0f131a; --card:#181e28; --ink:#e7ebf2; --soft:#97a3b6; --line:#2b3342; --tint:#202837;
    --good:#5cd6a5; --good-bg:#123828; --warn:#f0c060; --warn-bg:#3a2d10; --bad:#ff8f86;
    --bad-bg:#45201d; --idle:#97a3b6; --idle-bg:#262e3b; --note:#8ab4ff; --note-bg:#1b2c4d;
  }
}
* { box-sizing:border-box }
html { scroll-behavior:smooth }
body {
  margin:0; background:var(--paper); color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
}
main { max-width:1180px; margin:0 auto; padding:0 24px 64px }
header { max-width:1180px; margin:0 auto; padding:36px 24px 8px }
h1 { font-size:28px; line-height:1.2; margin:0 0 6px; letter-spacing:-.01em }
h2 { font-size:19px; margin:0 0 4px; letter-spacing:-.005em }
h3 { font-size:15px; margin:22px 0 8px }
.sub,.note { color:var(--soft); margin:0 0 14px }
nav { margin:14px 0 0; display:flex; flex-wrap:wrap; gap:6px 18px; font-size:14px }
a { color:var(--note); text-decoration:none }
a:hover { text-decoration:underline }
section {
  background:var(--card); border:1px solid var(--line); border-radius:14px; padding:22px 24px;
  margin:18px 0 0;
}
.verdict { border-radius:14px; padding:18px 24px; margin:18px 0 0; font-size:17px; border:1px solid }
.verdict strong { display:block; font-size:20px }
.verdict.good { background:var(--good-bg); color:var(--good); border-color:var(--good) }
.verdict.warn { background:var(--warn-bg); color:var(--warn); border-color:var(--warn) }
.verdict.bad { background:var(--bad-bg); color:var(--bad); border-color:var(--bad) }
.remark {
  background:var(--note-bg); color:var(--note); border-radius:10px; padding:10px 16px; margin:14px 0 0;
}
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(150px,1fr)); gap:12px; margin:18px 0 0 }
.tile { background:var(--card); border:1px solid var(--line); border-radius:14px; padding:14px 18px }
.tile b { display:block; font-size:26px; line-height:1.2; font-variant-numeric:tabular-nums }
.tile span { color:var(--soft); font-size:13px }
.scroll { overflow-x:auto }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums }
th {
  text-align:left; font-weight:600; font-size:12.5px; color:var(--soft);
  border-bottom:1px solid var(--line); padding:6px 14px 6px 0; white-space:nowrap;
}
td { border-bottom:1px solid var(--line); padding:8px 14px 8px 0; vertical-align:top }
tbody tr:last-child td { border-bottom:0 }
code,pre,.mono { font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace }
pre {
  background:var(--tint); border-radius:8px; padding:10px 14px; margin:8px 0 0; overflow-x:auto;
  white-space:pre-wrap; overflow-wrap:anywhere;
}
.badge {
  display:inline-block; border-radius:999px; padding:1px 10px; font-size:12.5px; font-weight:600;
  white-space:nowrap;
}
.badge.good { background:var(--good-bg); color:var(--good) }
.badge.warn { background:var(--warn-bg); color:var(--warn) }
.badge.bad { background:var(--bad-bg); color:var(--bad) }
.badge.idle { background:var(--idle-bg); color:var(--idle) }
.badge.note { background:var(--note-bg); color:var(--note) }
.matrix td.cell { text-align:center; padding:5px 8px; width:110px }
.matrix th.cell { text-align:center; padding-right:0 }
.factor { display:inline-block; min-width:44px; border-radius:8px; padding:3px 0; font-weight:600 }
.two { display:grid; grid-template-columns:300px 1fr; gap:28px; align-items:center }
.line {
  display:grid; grid-template-columns:minmax(200px,330px) 1fr 74px; gap:14px; align-items:center;
  padding:3px 0; font-size:13px;
}
.line .name { overflow:hidden; text-overflow:ellipsis; white-space:nowrap }
.line .took { text-align:right; white-space:nowrap; color:var(--soft); font-variant-numeric:tabular-nums }
.track { position:relative; height:15px; background:var(--tint); border-radius:5px }
.bar { position:absolute; top:0; bottom:0; border-radius:5px; min-width:3px }
.bar.changed { background:#2f6fde }
.bar.failed,.bar.interrupted { background:#d5483f }
.bar.unchanged { background:#9aa6b8 }
.axis { color:var(--soft); font-size:12px }
.axis .track { background:none; height:18px }
.axis i { position:absolute; font-style:normal; transform:translateX(-50%); white-space:nowrap }
details { border-bottom:1px solid var(--line); padding:9px 0 }
details:last-child { border-bottom:0 }
summary {
  cursor:pointer; display:grid; grid-template-columns:112px 1fr auto; gap:12px; align-items:baseline;
  list-style:none;
}
summary .badge { justify-self:start }
summary > span:last-child::after { content:"▸"; margin-left:10px; color:var(--soft) }
details[open] > summary > span:last-child::after { content:"▾" }
.plain > summary::before { content:"▸ " }
.plain[open] > summary::before { content:"▾ " }
summary::-webkit-details-marker { display:none }
details[open] > summary { font-weight:600 }
details > div { padding:4px 0 8px 124px }
.plain > summary { display:block; color:var(--note) }
.plain > div { padding-left:0 }
.irreversible { color:var(--bad); font-weight:600 }
.soft { color:var(--soft) }
svg { display:block; width:100%; height:auto }
section > svg { min-width:640px }
section { overflow-x:auto }
td code, td .mono, .nowrap { white-space:nowrap }
.findings td:nth-child(2) { width:56% }
.findings td:nth-child(3) { color:var(--soft); font-size:13px; overflow-wrap:anywhere }
svg text { font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; fill:var(--ink) }
svg .small { font-size:11.5px; fill:var(--soft) }
svg .big { font-size:17px; font-weight:650 }
svg .white { fill:#fff; font-size:11.5px; font-weight:650 }
svg .card { fill:var(--card); stroke:var(--line); stroke-width:1.5 }
svg .box { fill:var(--tint); stroke:var(--line) }
svg .wire { fill:none; stroke-width:3 }
svg .halo { fill:var(--card) }
footer { color:var(--soft); font-size:13px; margin:26px 0 0 }
@media screen and (max-width:760px) {
  .two { grid-template-columns:1fr }
  .two > svg { max-width:320px; margin:0 auto }
  summary { grid-template-columns:1fr }
  details > div { padding-left:0 }
  .line { grid-template-columns:130px 1fr 74px }
}
@media print {
  body { background:#fff; font-size:12px; print-color-adjust:exact; -webkit-print-color-adjust:exact }
  main,header { padding-left:0; padding-right:0 }
  section { overflow:visible; border-color:#ccc }
  h2,summary,tr,.line,.tile { break-inside:avoid }
  h2,summary { break-after:avoid }
  .two { grid-template-columns:190px 1fr; gap:16px }
  td,th { padding-right:8px }
  .scroll { overflow:visible }
  code,pre,.mono { font-size:10px }
  td code,td .mono { white-space:normal; overflow-wrap:anywhere }
  section > svg { min-width:0 }
  nav { display:none }
  /* Paper cannot be opened: what stands behind a mark on the screen is printed. */
  details::details-content { content-visibility:visible; block-size:auto }
  summary > span:last-child::after,.plain > summary::before { content:none }
}
"""
