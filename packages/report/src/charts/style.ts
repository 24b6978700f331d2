/**
 * What charts look like, by day and by night; every chart brings it along unless told otherwise. `lc` begins the names, so that
 * they meet no others on a page.
 */
export const chartStyle: string =
  '.lc{font:11px system-ui,-apple-system,"Segoe UI",sans-serif;max-width:100%;height:auto}' +
  '.lc text{fill:#3c4a57}.lc .lc-t{font-weight:600;fill:#17212b}' +
  '.lc .lc-g{stroke:#dde3e8;stroke-width:1}.lc .lc-m{stroke:#b3261e;stroke-width:1.5;stroke-dasharray:4 3}.lc .lc-mt{fill:#b3261e}' +
  '.lc .lc-1{fill:#2f6db3}.lc .lc-2{fill:#d9822b}.lc .lc-3{fill:#3b8f5a}.lc .lc-4{fill:#8a5bb5}.lc .lc-5{fill:#c2487a}.lc .lc-6{fill:#6f7f8c}' +
  '.lc .lc-s1,.lc .lc-s2,.lc .lc-s3{fill:none;stroke-width:1.6}.lc .lc-s1{stroke:#2f6db3}.lc .lc-s2{stroke:#d9822b}.lc .lc-s3{stroke:#3b8f5a}' +
  '@media (prefers-color-scheme:dark){.lc text{fill:#b8c4cf}.lc .lc-t{fill:#eef3f7}.lc .lc-g{stroke:#34414d}' +
  '.lc .lc-m{stroke:#f2857c}.lc .lc-mt{fill:#f2857c}.lc .lc-1{fill:#7db2ef}.lc .lc-2{fill:#f0b06a}.lc .lc-3{fill:#7fcf9c}' +
  '.lc .lc-4{fill:#c3a1e6}.lc .lc-5{fill:#ef91b8}.lc .lc-6{fill:#9fb0be}' +
  '.lc .lc-s1{stroke:#7db2ef}.lc .lc-s2{stroke:#f0b06a}.lc .lc-s3{stroke:#7fcf9c}}';
