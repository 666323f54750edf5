"""How the report page looks, on a screen and on paper."""

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 2rem 3rem; color: #1a1a1a;
  background: #fff; font: 15px/1.45 skinlab, system-ui, "Segoe UI", "Hiragino Sans",
  "Noto Sans CJK JP", "Yu Gothic", Meiryo, sans-serif; }
h1 { font-size: 1.6rem; margin: .2rem 0 .8rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 2px solid #1a1a1a; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
.use { float: right; margin: 0; padding: .15rem .6rem; border: 1.5px solid #d55e00;
  color: #a34700; border-radius: .3rem; font-size: .85rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; }
dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
dl.notes { font-size: .8rem; margin-top: .5rem; gap: 0 .6rem; }
ul { padding-left: 1.2rem; margin: .3rem 0; } li { margin: .2rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .7rem .22rem 0; text-align: left; vertical-align: top; }
thead th { font-weight: 600; font-size: .82rem; color: #444; vertical-align: bottom;
  border-bottom: 1px solid #999; }
tbody tr { border-bottom: 1px solid #e6e6e6; break-inside: avoid; }
tbody th { font-weight: 500; }
small { color: #555; font-size: .8em; font-weight: 400; } .limits { white-space: nowrap; }
.classes { width: 100%; font-size: .88rem; } .classes tbody th { min-width: 9rem; }
.classes small { display: block; white-space: nowrap; }
.classes .na small, .classes th small { white-space: normal; }
.forest th small { margin-left: .3rem; white-space: nowrap; }
.forest td, .forest tbody th { vertical-align: middle; padding-top: .1rem; padding-bottom: .1rem; }
.forest .rule th { padding-top: .6rem; font-weight: 700; text-transform: capitalize; }
.forest svg { display: block; width: 320px; } .forest td:last-child { white-space: nowrap; }
.forest text { font-size: 11px; fill: #444; }
.forest .grid { stroke: #ddd; } .forest .ci { stroke: #08519c; stroke-width: 2.5; }
.forest rect { fill: #08519c; }
.na { color: #777; }
img { display: block; max-width: min(100%, 46rem); height: auto; margin: .5rem 0; }
img.curves { max-width: min(100%, 54rem); }
footer { margin-top: 3rem; padding-top: .5rem; border-top: 1px solid #999; font-size: .85rem;
  color: #555; }
@page { size: A4; margin: 14mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 8.5pt; }
  .wide { overflow: visible; } .forest svg { width: 230px; } .use { float: none; display: table; }
  th, td { padding: .1rem .6rem .1rem 0; }
  .classes { font-size: 7.5pt; } .classes tbody th { min-width: 3rem; }
  .classes th, .classes td { padding-right: .3rem; }
  h1 { font-size: 15pt; } h2 { font-size: 12pt; margin-top: 1.2rem; }
  h3 { font-size: 9.5pt; margin: .9rem 0 .2rem; } h2, h3, .lead { break-after: avoid; }
  thead th { font-size: 7.5pt; } dl.notes { font-size: 7pt; }
  img { max-height: 150mm; max-width: 130mm; break-inside: avoid; }
  img.curves { max-width: 170mm; }
  .level { break-before: page; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
