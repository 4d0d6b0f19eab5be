/** A table that sorts by its headings, filters by words and shows as many rows as are of use. */
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';

export interface Column<T> {
  name: string;
  /** What a cell shows. */
  cell: (row: T) => ComponentChildren;
  /** What it is sorted by; without it the column is not. */
  by?: (row: T) => string | number;
  /** Figures stand at the right. */
  figure?: boolean;
  /** Left out where there is no room. */
  wide?: boolean;
}

interface Props<T> {
  caption: string;
  rows: T[];
  columns: Column<T>[];
  id: (row: T) => string;
  sortBy?: string;
  /** What the filter looks at; without it there is no filter. */
  words?: (row: T) => string;
  empty: ComponentChildren;
}

interface Sort {
  name?: string;
  down: boolean;
}

const STEP = 100;

export function Table<T>({ caption, rows, columns, id, sortBy, words, empty }: Props<T>) {
  const [sort, setSort] = useState<Sort>({ name: sortBy, down: false });
  const [filter, setFilter] = useState('');
  const [most, setMost] = useState(STEP);
  const by = columns.find(column => column.name === sort.name)?.by;
  const shown = useMemo(() => {
    const wanted = filter.trim().toLowerCase();
    const kept = wanted && words ? rows.filter(row => words(row).toLowerCase().includes(wanted)) : rows;
    return by ? kept.toSorted((a, b) => compare(by(a), by(b)) * (sort.down ? -1 : 1)) : kept;
  }, [rows, filter, sort.name, sort.down]);
  if (rows.length === 0) return <>{empty}</>;
  return (
    <>
      {words && (
        <input class="filter" type="search" placeholder={`Filter ${rows.length}`} aria-label={`Filter ${caption}`}
          value={filter} onInput={event => setFilter(event.currentTarget.value)} />
      )}
      <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
        <table>
          <caption>{caption}</caption>
          <thead>
            <tr>{columns.map(column => <Heading column={column} sort={sort} setSort={setSort} />)}</tr>
          </thead>
          <tbody>
            {shown.slice(0, most).map(row => (
              <tr key={id(row)}>
                {columns.map(column => <td class={classOf(column)}>{column.cell(row)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length === 0 && <p class="muted">Nothing fits “{filter}”.</p>}
      {shown.length > most && <button onClick={() => setMost(most + STEP)}>Show more of {shown.length}</button>}
    </>
  );
}

interface HeadingProps<T> {
  column: Column<T>;
  sort: Sort;
  setSort: (sort: Sort) => void;
}

function Heading<T>({ column, sort, setSort }: HeadingProps<T>) {
  const { name, by } = column;
  if (!by) return <th scope="col" class={classOf(column)}>{name}</th>;
  const isIt = sort.name === name;
  const order = isIt ? (sort.down ? 'descending' : 'ascending') : 'none';
  return (
    <th scope="col" class={classOf(column)} aria-sort={order}>
      <button class="heading" onClick={() => setSort({ name, down: isIt && !sort.down })}>{name}</button>
    </th>
  );
}

const classOf = <T,>({ figure, wide }: Column<T>): string => `${figure ? 'number ' : ''}${wide ? 'wide' : ''}`;

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}
