// The table at the end: a row for each test, whether it passed or not.

const rows = [];

/** Adds a row: `{ test, ...figures }`. */
export const report = row => rows.push(row);

/** All rows, in columns; a figure that a row lacks is a dash. */
export function table() {
    const heads = [...new Set(rows.flatMap(Object.keys))];
    const cells = [heads, ...rows.map(row => heads.map(head => String(row[head] ?? '–')))];
    const widths = heads.map((_, i) => Math.max(...cells.map(line => line[i].length)));
    const line = parts => parts.map((part, i) => (i === 0 ? part.padEnd(widths[i]) : part.padStart(widths[i]))).join('  ');
    return cells.map(line).join('\n');
}
