/** Runs the deployment checklist from where the person sits, through whatever proxies there are. */
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../hub/error';
import { CHECKS, type Finding } from './checks';

type Row = Finding | 'waiting' | 'running';

const MARKS: Record<Finding['outcome'], [string, string]> = {
  ok: ['good', '✓ fine'],
  warn: ['warn', '! look'],
  fail: ['bad', '✗ fails'],
  skipped: ['plain', 'skipped'],
};

export function Verify() {
  const [rows, setRows] = useState<Row[]>(CHECKS.map(() => 'waiting'));
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isOver = false;
    const set = (index: number, row: Row): void => {
      if (!isOver) setRows(before => before.with(index, row));
    };
    setRows(CHECKS.map(() => 'waiting'));
    void (async () => {
      for (const [index, check] of CHECKS.entries()) {
        if (isOver) return;
        set(index, 'running');
        set(index, await check.run().catch((error): Finding => ({ outcome: 'fail', saw: explain(error), cure: 'The request itself failed: is the server reachable from here?' })));
      }
    })();
    return () => {
      isOver = true;
    };
  }, [round]);
  const findings = rows.filter((row): row is Finding => typeof row === 'object');
  const bad = findings.filter(({ outcome }) => outcome === 'fail').length;
  const isDone = findings.length === CHECKS.length;
  return (
    <section>
      <header class="title">
        <h1>Verify</h1>
        <button onClick={() => setRound(round + 1)} disabled={!isDone}>Run again</button>
      </header>
      <p class="muted" role="status">
        {isDone ? (bad ? `${bad} of ${CHECKS.length} checks fail.` : 'Everything that could be checked from here is fine.') : `Checking, ${findings.length} of ${CHECKS.length} done…`}
      </p>
      <ol class="checks">
        {CHECKS.map((check, index) => <CheckRow key={check.name} name={check.name} what={check.what} row={rows[index]!} />)}
      </ol>
    </section>
  );
}

function CheckRow({ name, what, row }: { name: string; what: string; row: Row }) {
  const [tone, text] = typeof row === 'object' ? MARKS[row.outcome] : ['plain', row];
  return (
    <li class={typeof row === 'object' ? row.outcome : row}>
      <span class={`badge ${tone}`}>{text}</span>
      <div>
        <b>{name}</b> <small class="muted">{what}</small>
        {typeof row === 'object' && <p>{row.saw}</p>}
        {typeof row === 'object' && row.cure && <p class="cure">{row.cure}</p>}
      </div>
    </li>
  );
}
