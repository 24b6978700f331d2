import { chartStyle } from './charts/style.ts';
import type { ReportContents } from './contents.ts';
import { anomalies } from './sections/anomalies.ts';
import { columns } from './sections/columns.ts';
import { drift } from './sections/drift.ts';
import { imputation } from './sections/imputation.ts';
import { map } from './sections/map.ts';
import { alerts, limits, overview } from './sections/overview.ts';
import { quality } from './sections/quality.ts';
import type { Section } from './sections/section.ts';
import { training } from './sections/training.ts';
import { shown } from './text.ts';

/** The parts of a report in the order in which they stand. */
const SECTIONS: readonly Section[] = [
  overview,
  alerts,
  anomalies,
  drift,
  quality,
  map,
  columns,
  training,
  imputation,
  limits,
];

const STYLE =
  ':root{color-scheme:light dark;--ink:#17212b;--soft:#5b6b7a;--line:#dde3e8;--paper:#fff;--box:#f6f8fa;--bad:#b3261e}' +
  '@media (prefers-color-scheme:dark){:root{--ink:#eef3f7;--soft:#9fb0be;--line:#34414d;--paper:#12181e;--box:#1a222a;--bad:#f2857c}}' +
  'body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}' +
  'main,header{max-width:1060px;margin:0 auto;padding:0 20px}header{padding-top:28px}h1{font-size:26px;margin:0 0 8px;overflow-wrap:anywhere}' +
  'h2{font-size:19px;margin:36px 0 10px;border-bottom:1px solid var(--line);padding-bottom:4px}h3{font-size:14px;margin:0;overflow-wrap:anywhere}' +
  'nav a{margin-right:14px;color:inherit}p{margin:8px 0}.q{color:var(--soft);font-size:13px}.bad{color:var(--bad)}' +
  'dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;margin:8px 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}' +
  'code{font:13px ui-monospace,monospace}.w{overflow-x:auto}table{border-collapse:collapse;font-size:13px;margin:10px 0}' +
  'th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--soft);font-weight:600}' +
  '.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td ul{margin:0;padding-left:16px}em{font-style:normal;text-decoration:underline dotted}' +
  '.alerts{background:var(--box);border-left:4px solid #d9822b;padding:10px 10px 10px 28px;margin:10px 0}' +
  '.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:14px}' +
  'article{background:var(--box);border-radius:6px;padding:10px 12px;min-width:0}article p{margin:2px 0;font-size:13px}' +
  'footer{color:var(--soft);font-size:13px;margin:40px 0 30px}' +
  '@media print{nav{display:none}article,tr,svg{break-inside:avoid}h2{break-after:avoid}body{font-size:12px}:root{--ink:#000;--paper:#fff;--box:#fff;--line:#ccc;--soft:#444}}';

/** No script may run, and nothing may be asked for: not even an image. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * A page about a table and its model: one file that needs no other, has no script, asks for nothing, and is under 1 MB whatever
 * the data. What the contents leave out is left out of the page. Names and cells can be any text: they stand there as text.
 */
export function report(contents: ReportContents): string {
  const title = shown(contents.title, 120);
  const parts = SECTIONS.flatMap(({ id, title: heading, render }) => {
    const body = render(contents);
    return body === null ? [] : [{ id, heading, body }];
  });
  const links = parts.map(({ id, heading }) => `<a href="#${id}">${heading}</a>`).join('');
  const sections = parts.map(({ id, heading, body }) => `<section id="${id}"><h2>${heading}</h2>${body}</section>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">
<title>${title}</title><style>${STYLE}${chartStyle}</style></head>
<body><header><h1>${title}</h1><nav>${links}</nav></header>
<main>${sections.join('\n')}
<footer>Made with Latent. This page is one file: it runs no script and asks for nothing.</footer></main></body></html>
`;
}
