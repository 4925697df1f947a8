/** Style sheet of reports: light and dark mode, any screen width, and print. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fcfcfb; --card: #ffffff; --ink: #1d1f23; --muted: #5d636e; --line: #e3e4e7; --strong-line: #c9ccd1;
  --accent: #0b5c92; --valid: #0072b2; --train: #b35a00; --soft: #f2f3f4;
  --warn: #8a4b00; --warn-paper: #fdf4e6; --warn-line: #d98c1f; --heat: 0, 80, 135;
  --series-1: #0072b2; --series-2: #b35a00; --series-3: #00795a; --series-4: #a4437f; --series-5: #5b5bb5; --series-6: #6b6b6b; --series-7: #8f5c00; --series-8: #a03030;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181b; --card: #1d2024; --ink: #e7e8ea; --muted: #a3a9b3; --line: #32363c; --strong-line: #4a4f57;
    --accent: #7cc0f0; --valid: #6ab8ee; --train: #f0a044; --soft: #24272c;
    --warn: #f5c277; --warn-paper: #2a2317; --warn-line: #c4872c; --heat: 106, 184, 238;
    --series-1: #6ab8ee; --series-2: #f0a044; --series-3: #3fc79f; --series-4: #e393c4; --series-5: #a9a9f5; --series-6: #b5b5b5; --series-7: #d9b84a; --series-8: #f08a8a;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 3.5rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
.bar, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1.25rem; }
.masthead { padding-top: 2.25rem; }
.kicker { margin: 0; color: var(--muted); font-size: .8125rem; letter-spacing: .02em; }
h1 { margin: .1rem 0 0; font-size: 2rem; line-height: 1.2; letter-spacing: -.015em; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 0 0 1rem; font-size: 1.3125rem; line-height: 1.3; letter-spacing: -.01em; font-weight: 650; }
h3 { margin: 2rem 0 .75rem; font-size: 1rem; font-weight: 650; }
h2 + h3 { margin-top: 0; }
p { margin: 0 0 1rem; max-width: 44rem; text-wrap: pretty; }
a { color: var(--accent); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; top: 0; padding: .5rem 1rem; background: var(--card); z-index: 3; }
.skip:focus { left: 0; }
nav { position: sticky; top: 0; z-index: 2; margin-top: 1.25rem; background: var(--paper); border-bottom: 1px solid var(--line); }
nav ul { display: flex; gap: 1.25rem; margin: 0 auto; padding: 0 1.25rem; max-width: 70rem; list-style: none; overflow-x: auto; scrollbar-width: none; }
nav a { display: block; padding: .6rem 0; color: var(--muted); font-size: .875rem; text-decoration: none; white-space: nowrap; }
nav a:hover, nav a[aria-current] { color: var(--ink); }
nav a[aria-current] { box-shadow: inset 0 -2px var(--accent); }
.menu { display: none; width: 100%; padding: .65rem 1.25rem; border: 0; background: none; color: inherit; font: inherit; font-size: .9375rem; font-weight: 600; text-align: left; cursor: pointer; }
.menu::after { content: "Sections ▾"; float: right; color: var(--accent); font-weight: 400; }
section { padding: 2.25rem 0 1rem; }
section + section { border-top: 1px solid var(--line); }
.lede { font-size: 1.125rem; line-height: 1.55; max-width: 48rem; }
.aside { color: var(--muted); font-size: .875rem; }
code, pre, .id { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .875em; }
pre { margin: 0 0 1rem; padding: .875rem 1rem; background: var(--soft); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5; }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1rem 2rem; margin: 1.5rem 0 .5rem; }
.figures div { border-top: 2px solid var(--ink); padding-top: .5rem; }
.figures dt { color: var(--muted); font-size: .8125rem; }
.figures dd { margin: 0; font-size: 2rem; line-height: 1.2; font-weight: 600; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.interval { display: block; color: var(--muted); font-size: .8125rem; line-height: 1.4; font-weight: 400; letter-spacing: 0; white-space: nowrap; font-variant-numeric: tabular-nums; }
.beside { display: flex; flex-wrap: wrap; gap: 0 3rem; align-items: flex-start; margin: 1.5rem 0; }
.beside > .warnings { flex: 1 1 24rem; margin: 0 0 1rem; }
.beside > .scroll { flex: 0 1 auto; max-width: 100%; }

.warnings { margin: 1.5rem 0; padding: 0; list-style: none; max-width: 48rem; }
.warnings li { margin: 0 0 .5rem; padding: .55rem .875rem; border-left: 3px solid var(--strong-line); background: var(--soft); font-size: .9375rem; line-height: 1.5; overflow-wrap: anywhere; }
.warnings .warning { border-left-color: var(--warn-line); background: var(--warn-paper); }
.warnings strong { font-weight: 650; }
.warnings .warning strong { color: var(--warn); }

.steps { margin: 0 0 1rem; padding-left: 1.25rem; max-width: 48rem; }
.steps li { margin-bottom: .9rem; padding-left: .25rem; }
.steps li::marker { color: var(--muted); font-variant-numeric: tabular-nums; }
.examples { display: flex; flex-wrap: wrap; gap: .375rem .5rem; margin-top: .375rem; font-size: .875rem; }
.examples button { padding: .15rem .6rem; border: 1px solid var(--strong-line); border-radius: 4px; background: var(--card); color: var(--accent); cursor: zoom-in; overflow-wrap: anywhere; }

.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .9375rem; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .875rem .4rem 0; text-align: right; border-bottom: 1px solid var(--line); vertical-align: baseline; white-space: nowrap; }
th:first-child, td:first-child, .left { text-align: left; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 500; font-size: .8125rem; border-bottom-color: var(--strong-line); vertical-align: bottom; }
tbody th { font-weight: 500; }
.score { min-width: 8rem; max-width: 21rem; white-space: normal; }
.meaning { display: block; color: var(--muted); font-weight: 400; font-size: .8125rem; line-height: 1.4; }
.wide { width: 100%; }
.name { min-width: 7.5rem; max-width: 22rem; white-space: normal; overflow-wrap: anywhere; }
.swatch { display: inline-block; width: .75em; height: .75em; margin-right: .5em; border-radius: 2px; background: var(--swatch); box-shadow: 0 0 0 1px rgba(128, 128, 128, .5); }
.meter { display: inline-block; width: 4.5rem; height: .45rem; margin-right: .6rem; border-radius: 1px; background: linear-gradient(to right, var(--valid) calc(100% * var(--share)), var(--line) 0); }
.spark { display: inline-block; vertical-align: middle; color: var(--valid); }
.best { font-weight: 700; }

.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1.75rem 2rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .875rem; }
.chart-title { margin: 0 0 .25rem; font-size: .875rem; font-weight: 600; }
figure + .aside, .charts + .aside { margin-top: 1rem; }
svg.chart { display: block; width: 100%; height: auto; max-width: 30rem; overflow: visible; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 1.25rem; padding: 0; list-style: none; font-size: .875rem; }
.legend li { overflow-wrap: anywhere; }
.stroke { display: inline-block; width: 1.25rem; height: 0; margin-right: .5rem; vertical-align: .3em; border-top: 2.5px solid var(--swatch); }
.stroke.dashed { border-top-style: dashed; }

.marks { position: relative; max-width: 52rem; }
.marks.opens { cursor: pointer; touch-action: manipulation; }
.marks svg { display: block; width: 100%; height: auto; overflow: visible; }
.marks text, .chart text { fill: var(--muted); font-size: 11px; font-variant-numeric: tabular-nums; }
.axis, .grid, .middle { fill: none; stroke: var(--strong-line); }
.grid { stroke: var(--line); }
.middle { stroke: var(--muted); stroke-dasharray: 3 3; }
.mark { fill: var(--valid); fill-opacity: .8; }
.mark.hollow { fill-opacity: .35; }
.opens .mark:hover, .mark.at { fill: var(--train); fill-opacity: 1; }
.bar { fill: var(--valid); }
.chosen { min-height: 1.4em; margin: .25rem 0 0; overflow-wrap: anywhere; }
.areas { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: 1.5rem 2rem; }
.areas figure { max-width: 20rem; }
.doubt { fill: none; stroke: #fff; stroke-width: 2; vector-effect: non-scaling-stroke; paint-order: stroke; filter: drop-shadow(0 0 1px #000) drop-shadow(0 0 1px #000); }
.heat { border-collapse: separate; border-spacing: 2px; }
.heat th, .heat td { border: 0; padding: .3rem .4rem; }
.heat tbody th { padding-right: .75rem; min-width: 6rem; max-width: 12rem; white-space: normal; overflow-wrap: break-word; text-align: right; position: sticky; left: 0; background: var(--paper); z-index: 1; }
.heat thead th { text-align: center; }
.heat .upright span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 11rem; }
.heat td { min-width: 3.5rem; height: 2.25rem; text-align: center; vertical-align: middle; font-size: .8125rem; background: rgba(var(--heat), calc(.04 + .8 * var(--share))); }
.heat td.strong { color: var(--paper); background: rgba(var(--heat), calc(.7 + .3 * var(--share))); }
.heat td.right { outline: 1.5px solid var(--ink); outline-offset: -1px; }
.heat .axis { color: var(--muted); font-weight: 500; font-size: .8125rem; }

.trio { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1rem; max-width: 56rem; margin: 1.5rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1.75rem 1.5rem; margin: 0 0 2rem; align-items: start; }
.cards.fates { grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); margin-bottom: 1.5rem; }
.card figcaption, .trio figcaption, .tile figcaption { margin-top: .35rem; font-size: .8125rem; line-height: 1.45; color: var(--muted); overflow-wrap: anywhere; }
.card .id, .trio .id { color: var(--ink); }
.tile figcaption { font-size: .6875rem; line-height: 1.35; }
.panels { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .5rem; }
.panel { display: block; width: 100%; margin: 0; padding: 0; border: 0; background: none; font: inherit; color: inherit; text-align: left; cursor: zoom-in; }
.panel svg, .tile svg { display: block; width: 100%; height: auto; border-radius: 3px; background: var(--soft); }
.panel .what { display: block; padding-bottom: .2rem; font-size: .75rem; color: var(--muted); }
.mask { opacity: .6; image-rendering: pixelated; transition: opacity .12s; }
use.mask { opacity: 1; }
.errors .mask { opacity: .85; }
.film.plain .mask { opacity: 0; }
.with-touch { display: none; }
@media (hover: hover) { .panel:hover .mask { opacity: 0; } }
@media (hover: none) { .with-mouse { display: none; } .with-touch { display: inline; } }

.viewer { width: calc(100vw - 2rem); height: calc(100dvh - 2rem); max-width: none; max-height: none; padding: 0; border: 1px solid var(--strong-line); border-radius: 8px; background: var(--paper); color: var(--ink); overflow: hidden; }
.viewer[open] { display: flex; flex-direction: column; }
.viewer::backdrop { background: rgba(0, 0, 0, .6); }
.viewer p { margin: 0; max-width: none; overflow-wrap: anywhere; }
.viewer-head, .viewer-foot { display: flex; gap: .75rem; align-items: center; justify-content: space-between; padding: .6rem 1rem; }
.viewer-title { font-weight: 600; }
.viewer-stage { flex: 1; min-height: 0; display: flex; justify-content: center; background: var(--soft); }
.viewer-stage > div { flex: 1; min-width: 0; min-height: 0; display: flex; }
.viewer-stage svg, .viewer-stage img { width: 100%; height: 100%; object-fit: contain; }
.viewer-caption { padding: .6rem 1rem 0; color: var(--muted); font-size: .875rem; font-variant-numeric: tabular-nums; }
.viewer-caption:empty { display: none; }
.viewer-layers { display: flex; flex-wrap: wrap; gap: .375rem; justify-content: center; }
.viewer button { min-width: 2.75rem; min-height: 2.75rem; padding: .3rem .8rem; border: 1px solid var(--strong-line); border-radius: 4px; background: var(--card); color: inherit; font: inherit; font-size: .9375rem; cursor: pointer; }
.viewer button:disabled { opacity: .35; cursor: default; }
.viewer button[aria-pressed="true"] { border-color: var(--accent); background: var(--accent); color: var(--paper); }
@media (prefers-reduced-motion: reduce) { .mask { transition: none; } }

.controls { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem 1.25rem; margin: 0 0 1rem; padding: .75rem 1rem; background: var(--soft); border-radius: 6px; font-size: .9375rem; }
.controls input[type="range"] { flex: 1 1 12rem; min-width: 8rem; accent-color: var(--accent); }
.controls output { min-width: 13rem; font-variant-numeric: tabular-nums; }
.controls button { padding: .3rem .9rem; min-width: 4.75rem; border: 1px solid var(--strong-line); border-radius: 4px; background: var(--card); color: inherit; font: inherit; cursor: pointer; }
.controls fieldset { display: flex; gap: 1rem; margin: 0; padding: 0; border: 0; }
.controls label { display: inline-flex; gap: .35rem; align-items: center; cursor: pointer; }
.controls input[type="radio"] { accent-color: var(--accent); margin: 0; }
.comparisons { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, calc(var(--models) * 10.5rem)), 1fr)); gap: 1.75rem 1.5rem; align-items: start; }
.comparisons .scroll { margin: 0; }
.comparisons figcaption { margin: 0 0 .35rem; overflow-wrap: anywhere; }
.models { display: grid; grid-template-columns: repeat(var(--models), minmax(6.5rem, 1fr)); gap: .5rem; max-width: calc(var(--models) * 15rem); align-items: end; }
.models .what { display: flex; flex-wrap: wrap; gap: 0 .6rem; }
.models .model { color: var(--ink); overflow-wrap: anywhere; }
.models .best { color: var(--ink); }
.models .trained-on { color: var(--warn); }
.star { margin-right: .3em; color: var(--accent); }
.runs td.words { white-space: normal; overflow-wrap: anywhere; min-width: 6rem; max-width: 18rem; }
.runs thead .name { text-align: right; min-width: 5rem; max-width: 12rem; }
.runs thead .name:first-child { text-align: left; }
.line { margin-right: .5rem; vertical-align: .3em; }
.line path { fill: none; }
.stories { margin: 1.5rem 0 0; max-width: 48rem; }
.stories dt { font-weight: 600; overflow-wrap: anywhere; }
.stories dd { margin: 0 0 .875rem; font-size: .9375rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .75rem; align-items: start; }
.sheet { display: block; max-width: 100%; height: auto; border-radius: 3px; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 0 3rem; align-items: start; }
.columns > * { min-width: 0; }
.pairs { width: 100%; table-layout: fixed; }
.pairs th { width: 40%; color: var(--muted); font-weight: 400; }
.pairs th, .pairs td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--accent); font-size: .9375rem; }
details[open] summary { margin-bottom: .75rem; }
.problems { padding-left: 1.1rem; max-width: 48rem; font-size: .9375rem; }
.problems li { margin-bottom: .6rem; overflow-wrap: anywhere; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer { padding-top: 1.25rem; padding-bottom: 2.5rem; color: var(--muted); font-size: .8125rem; border-top: 1px solid var(--line); }

@media (max-width: 44rem) {
  h1 { font-size: 1.625rem; }
  .viewer { width: 100vw; height: 100dvh; border: 0; border-radius: 0; }
  .viewer-head, .viewer-foot { padding: .5rem; gap: .375rem; }
  .viewer .viewer-layers button { padding: .3rem .55rem; font-size: .8125rem; }
  .viewer-layers { gap: .25rem; }
  .folds .menu { display: block; }
  .folds ul { display: none; grid-template-columns: 1fr 1fr; gap: 0 1.25rem; padding-bottom: .5rem; max-height: 70vh; overflow-y: auto; }
  .menu[aria-expanded="true"] + ul { display: grid; }
  .folds a { padding: .7rem 0; font-size: .9375rem; }
  .lede { font-size: 1.0625rem; }
  .masthead { padding-top: 1.5rem; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem 1.25rem; }
  .figures dd { font-size: 1.625rem; }
  .trio { gap: .5rem; }
  .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .5rem; }
  .controls output { min-width: 100%; order: -1; }
  th, td { padding-right: .7rem; }
  table { font-size: .875rem; }
  .meaning { font-size: .75rem; }
  .score { min-width: 6rem; }
  .marks-chart text { font-size: 19px; }
  .meter { display: none; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --card: #fff; --ink: #000; --muted: #444; --line: #ddd; --strong-line: #bbb;
    --accent: #000; --valid: #0072b2; --train: #b35a00; --soft: #f4f4f4; --heat: 0, 80, 135;
    --warn: #6b3a00; --warn-paper: #fdf4e6; --warn-line: #d98c1f;
    --series-1: #0072b2; --series-2: #b35a00; --series-3: #00795a; --series-4: #a4437f; --series-5: #5b5bb5; --series-6: #6b6b6b; --series-7: #8f5c00; --series-8: #a03030;
  }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { font-size: 10pt; }
  nav, .skip, .controls, .hint, .viewer { display: none; }
  section { padding: 1rem 0; }
  figure, .card, tr, .warnings li, .figures { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  .models { grid-template-columns: repeat(var(--models), minmax(0, 1fr)); }
  .tiles { grid-template-columns: repeat(7, 1fr); }
}
`;
