/** The buttons of a bot, and what became of the last press. */
import { useState } from 'preact/hooks';
import type { CommandOutcome, StopMode } from '../generated/hubs';
import { explain } from '../hub/error';
import { Icon } from '../ui/icons';
import type { LiveBot } from './live';
import { command } from './store';

type Outcome = { kind: 'running' | 'ok' | 'bad'; text: string };

const MODES = [
  ['now', 'Stop now'],
  ['closePositions', 'Close positions, then stop'],
  ['finishTrades', 'Finish trades, then stop'],
] as const satisfies [StopMode, string][];

export function Commands({ bot }: { bot: LiveBot }) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const give = async (verb: string, act: () => Promise<CommandOutcome>): Promise<void> => {
    setOutcome({ kind: 'running', text: `${verb}…` });
    try {
      const { ok, code, message } = await act();
      const text = ok ? `${verb}: done` : `${verb}: ${sentence(code, message)}`;
      setOutcome({ kind: ok ? 'ok' : 'bad', text });
    } catch (error) {
      setOutcome({ kind: 'bad', text: explain(error) });
    }
  };
  const { botId } = bot;
  const state = bot.state === 'stale' ? (bot.lastState ?? bot.state) : bot.state;
  const isUp = state === 'running' || state === 'paused' || state === 'starting';
  const who = bot.name ?? bot.botId;
  return (
    <div class="commands">
      {!isUp && <button aria-label={`Start ${who}`} onClick={() => give('Start', () => command('StartBot', { botId }))}><Icon name="play" />Start</button>}
      {state === 'running' && <button aria-label={`Pause ${who}`} onClick={() => give('Pause', () => command('PauseBot', { botId }))}><Icon name="pause" />Pause</button>}
      {state === 'paused' && <button aria-label={`Resume ${who}`} onClick={() => give('Resume', () => command('ResumeBot', { botId }))}><Icon name="play" />Resume</button>}
      {isUp && (
        <select class="stop" aria-label={`Stop ${who}`} value="" onChange={event => {
          const mode = event.currentTarget.value as StopMode;
          event.currentTarget.value = '';
          void give('Stop', () => command('StopBot', { botId, mode }));
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
