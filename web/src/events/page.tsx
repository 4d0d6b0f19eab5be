/** Every event as it came, newest first; for the eyes of those who build on the hubs. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { watchBacktests } from '../backtests/store';
import { watchBots } from '../bots/store';
import { watchChat } from '../chat/store';
import { hubs, tapEvents } from '../hub/hubs';
import { Empty } from '../ui/badge';
import { count } from '../ui/format';
import { oncePerFrame } from '../ui/frames';
import { Icon } from '../ui/icons';

interface Seen {
  number: number;
  at: Date;
  hub: string;
  name: string;
  argument: unknown;
}

const MOST = 500;
let newest: Seen[] = [];
let number = 0;
const seen = signal<Seen[]>([]);
const publish = oncePerFrame(() => (seen.value = newest));

// From the start, so that what came before one looked is there too.
tapEvents((hub, name, argument) => {
  newest = [{ number: ++number, at: new Date(), hub, name, argument }, ...newest.slice(0, MOST - 1)];
  publish();
});

export function Events() {
  const [frozen, setFrozen] = useState<Seen[] | null>(null);
  const [hub, setHub] = useState('');
  const [words, setWords] = useState('');
  useEffect(() => {
    watchChat();
    watchBots();
    watchBacktests();
  }, []);
  const wanted = words.toLowerCase();
  const shown = (frozen ?? seen.value).filter(event =>
    (!hub || event.hub === hub) && (!wanted || `${event.name} ${JSON.stringify(event.argument)}`.toLowerCase().includes(wanted)));
  return (
    <section>
      <header class="title">
        <h1>Events</h1>
        <div class="commands">
          <select aria-label="Hub" value={hub} onChange={event => setHub(event.currentTarget.value)}>
            <option value="">All hubs</option>
            {hubs.map(({ name }) => <option key={name} value={name}>{name}</option>)}
          </select>
          <input type="search" class="filter" aria-label="Filter events" placeholder="Name or content" value={words} onInput={event => setWords(event.currentTarget.value)} />
          <button aria-pressed={frozen !== null} onClick={() => setFrozen(frozen ? null : seen.value)}><Icon name={frozen ? 'play' : 'pause'} />{frozen ? 'Go on' : 'Pause'}</button>
        </div>
      </header>
      <p class="muted" role="status">{count(seen.value[0]?.number ?? 0)} events since the page was opened; the last {MOST} are kept.</p>
      {shown.length === 0 && <Empty title="No events"><p>What the hubs send to this page appears here.</p></Empty>}
      <ol class="events">
        {shown.map(event => (
          <li key={event.number}>
            <details>
              <summary>
                <time>{event.at.toISOString().slice(11, 23)}</time> <span class="muted hub">{event.hub}</span> <b>{event.name}</b>
                <code>{JSON.stringify(event.argument)}</code>
              </summary>
              <pre>{JSON.stringify(event.argument, null, 2)}</pre>
            </details>
          </li>
        ))}
      </ol>
    </section>
  );
}
