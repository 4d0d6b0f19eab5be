/** The buttons of a bot, and what became of the last press. */
import { useState } from 'preact/hooks';
import { explain } from '../hub/error';
import { Icon } from '../ui/icons';
import type { LiveBot } from './live';
import { command, type Command } from './store';

type Outcome = { kind: 'running' | 'ok' | 'bad'; text: string };

const MODES = [
  ['now', 'Stop now'],
  ['closePositions', 'Close positions, then stop'],
  ['finishTrades', 'Finish trades, then stop'],
] as const;

export function Commands({ bot }: { bot: LiveBot }) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const give = async (name: Command, verb: string, more: { mode?: string } = {}): Promise<void> => {
    setOutcome({ kind: 'running', text: `${verb}…` });
    try {
      const { ok, code, message } = await command(name, { botId: bot.botId, ...more });
      const text = ok ? `${verb}: done` : `${verb}: ${sentence(code, message)}`;
      setOutcome({ kind: ok ? 'ok' : 'bad', text });
    } catch (error) {
      setOutcome({ kind: 'bad', text: explain(error) });
    }
  };
  const state = bot.state === 'stale' ? (bot.lastState ?? bot.state) : bot.state;
  const isUp = state === 'running' || state === 'paused' || state === 'starting';
  const who = bot.name ?? bot.botId;
  return (
    <div class="commands">
      {!isUp && <button aria-label={`Start ${who}`} onClick={() => give('StartBot', 'Start')}><Icon name="play" />Start</button>}
      {state === 'running' && <button aria-label={`Pause ${who}`} onClick={() => give('PauseBot', 'Pause')}><Icon name="pause" />Pause</button>}
      {state === 'paused' && <button aria-label={`Resume ${who}`} onClick={() => give('ResumeBot', 'Resume')}><Icon name="play" />Resume</button>}
      {isUp && (
        <select class="stop" aria-label={`Stop ${who}`} value="" onChange={event => {
          const mode = event.currentTarget.value;
          event.currentTarget.value = '';
          void give('StopBot', 'Stop', { mode });
        }}>
          <option value="" disabled hidden>Stop…</option>
          {MODES.map(([mode, text]) => <option value={mode}>{text}</option>)}
        </select>
      )}
      <span class={`outcome ${outcome?.kind ?? ''}`} role="status">{outcome?.text}</span>
    </div>
  );
}

const SENTENCES: Record<string, string> = {
  worker_gone: 'no worker is connected for this bot',
  timeout: 'the worker did not answer within 10 s',
  busy: 'the worker is busy with another command',
  worker_failed: 'the worker failed while it ran',
};

export const sentence = (code?: string, message?: string): string => message ?? SENTENCES[code ?? ''] ?? code ?? 'refused';
