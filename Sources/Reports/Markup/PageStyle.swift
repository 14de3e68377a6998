/// The looks of all pages. Colours only repeat what words, shapes and patterns say.
let pageStyle: StaticString = """
  :root {
    color-scheme: light dark;
    --paper: #fdfdfb; --card: #ffffff; --ink: #1c2024; --soft: #59626c; --rule: #dde0e3;
    --first: #1d5b99; --second: #a5480b; --third: #4c6b1f; --fill: #7fa6cc; --band: #eaf1f8;
    --alert: #8f1d1d; --alert-paper: #fbefec;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --paper: #121517; --card: #191d20; --ink: #e4e7e9; --soft: #9ba5ae; --rule: #30363b;
      --first: #82b4e6; --second: #eea667; --third: #a9cc74; --fill: #41688f; --band: #1c2833;
      --alert: #f2a097; --alert-paper: #2c1b19;
    }
  }
  * { box-sizing: border-box; }
  html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
  @media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
  body {
    margin: 0 auto; max-width: 76rem; padding: 2.5rem clamp(1rem, 4vw, 3rem) 3rem;
    font: 0.9375rem/1.5 system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
    color: var(--ink); background: var(--paper);
  }
  a { color: var(--first); text-underline-offset: 0.2em; }
  code {
    font: 0.92em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere;
    unicode-bidi: isolate;
  }
  pre { margin: 0 0 1.2rem; white-space: pre-wrap; }
  .kind {
    margin: 0; font-size: 0.8rem; letter-spacing: 0.08em; text-transform: uppercase;
    color: var(--soft);
  }
  h1 { margin: 0.15rem 0 0.4rem; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
  h2 { margin: 0 0 0.6rem; font-size: 1.25rem; line-height: 1.3; }
  h3 { margin: 0; font-size: 1rem; line-height: 1.35; overflow-wrap: anywhere; }
  p { margin: 0 0 0.8rem; max-width: 46rem; }
  .lead { color: var(--soft); overflow-wrap: anywhere; }
  nav { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; margin-top: 1rem; }
  section { margin-top: 2.2rem; padding-top: 1.6rem; border-top: 1px solid var(--rule); }
  footer {
    margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--rule);
    font-size: 0.85rem; color: var(--soft);
  }
  .facts {
    display: grid; grid-template-columns: repeat(auto-fill, minmax(12.5rem, 1fr)); gap: 0.75rem;
    margin: 0 0 1.2rem;
  }
  .facts > div {
    padding: 0.7rem 0.9rem 0.75rem; background: var(--card); border: 1px solid var(--rule);
    border-radius: 0.4rem; break-inside: avoid;
  }
  dt { font-size: 0.8rem; color: var(--soft); }
  dd { margin: 0; overflow-wrap: anywhere; }
  dd.value { font-size: 1.25rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
  dd.remark { font-size: 0.8rem; color: var(--soft); }
  .messages { list-style: none; margin: 0 0 1.2rem; padding: 0; }
  .messages li {
    margin-bottom: 0.4rem; padding: 0.5rem 0.8rem; background: var(--card);
    border: 1px solid var(--rule); border-left: 0.25rem solid var(--soft);
    border-radius: 0.25rem; overflow-wrap: anywhere;
  }
  .messages .warning { background: var(--alert-paper); border-left-color: var(--alert); }
  .messages .warning strong { color: var(--alert); }
  .messages .warning strong::before { content: "\\25B2  "; }
  .scroll { overflow-x: auto; margin: 0 0 1.2rem; }
  table { border-collapse: collapse; width: 100%; font-size: 0.86rem; }
  .caption { margin: 0 0 0.4rem; font-size: 0.86rem; color: var(--soft); }
  .together { white-space: nowrap; }
  th, td {
    padding: 0.35rem 0.7rem; text-align: left; vertical-align: top;
    border-bottom: 1px solid var(--rule);
  }
  thead th { vertical-align: bottom; color: var(--soft); font-weight: 600; line-height: 1.25; }
  tbody th { font-weight: 400; min-width: 11rem; max-width: 22rem; overflow-wrap: anywhere; }
  .below { display: block; color: var(--soft); font-size: 0.92em; }
  td { min-width: 4rem; max-width: 26rem; overflow-wrap: break-word; }
  th.number { text-align: right; }
  td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
  td.none { color: var(--soft); text-align: right; }
  .bar { display: block; height: 0.3rem; margin-top: 0.15rem; background: var(--rule); }
  .bar > span { display: block; height: 100%; background: var(--first); }
  .gallery {
    display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr));
    gap: 1rem;
  }
  figcaption + svg { margin-top: 0.35rem; }
  .gallery.wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); }
  figure {
    margin: 0; padding: 0.8rem 0.9rem; background: var(--card); border: 1px solid var(--rule);
    border-radius: 0.4rem; break-inside: avoid;
  }
  figure:target { outline: 2px solid var(--first); }
  figure > svg + svg { margin-top: 0.4rem; }
  figcaption { font-size: 0.82rem; color: var(--soft); }
  figcaption h3 { color: var(--ink); }
  figcaption p { margin: 0.25rem 0 0.35rem; }
  svg.chart { display: block; width: 100%; height: auto; overflow: visible; }
  svg.defs { position: absolute; width: 0; height: 0; }
  svg text {
    font: 11px system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; fill: var(--soft);
    font-variant-numeric: tabular-nums;
  }
  svg text.strong {
    fill: var(--ink); paint-order: stroke; stroke: var(--card); stroke-width: 3px;
  }
  .grid { stroke: var(--rule); stroke-width: 1; fill: none; }
  .axis { stroke: var(--soft); stroke-width: 1; fill: none; }
  .band { fill: var(--band); }
  .edge { stroke: var(--first); stroke-width: 1.5; fill: none; }
  .inside { fill: var(--fill); }
  .outside { fill: url(#hatch); stroke: var(--second); stroke-width: 0.75; }
  .hatch { stroke: var(--second); stroke-width: 1.6; }
  .zero { stroke: var(--ink); stroke-width: 1.25; fill: none; }
  .zero-head { stroke: var(--ink); stroke-width: 1.25; fill: var(--card); }
  .curve { fill: none; stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
  .style-0 { stroke: var(--first); }
  .style-1 { stroke: var(--second); stroke-dasharray: 6 3; }
  .style-2 { stroke: var(--third); stroke-dasharray: 2 3; }
  .mark-0 { fill: var(--first); stroke: none; }
  .mark-1 { fill: var(--card); stroke: var(--second); stroke-width: 1.5; }
  .mark-2 { fill: var(--card); stroke: var(--third); stroke-width: 1.5; }
  .chosen { fill: var(--second); stroke: var(--card); stroke-width: 1; }
  .stage { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 1 3; fill: none; }
  @media print {
    :root {
      color-scheme: light; --paper: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444;
      --rule: #bbbbbb; --first: #1d5b99; --second: #a5480b; --third: #4c6b1f; --fill: #9bb6d2;
      --band: #eef3f8; --alert: #8f1d1d; --alert-paper: #ffffff;
    }
    * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    body { max-width: none; padding: 0; font-size: 9.5pt; }
    nav { display: none; }
    .scroll { overflow: visible; }
    table { font-size: 7.5pt; }
    th, td { padding: 2pt 3pt; }
    td, tbody th { min-width: 0; }
    tr { break-inside: avoid; }
    thead { display: table-header-group; }
    h2 { break-after: avoid; }
  }
  @media (max-width: 40rem) {
    body { padding-top: 1.5rem; }
    h1 { font-size: 1.5rem; }
    .facts { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
    tbody th:first-child, thead th:first-child {
      position: sticky; left: 0; min-width: 34vw; max-width: 34vw;
      background: var(--paper);
    }
  }
  """
