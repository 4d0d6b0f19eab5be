/** Small marks: a state with its colour, a figure with its name, a notice, an empty place. */
import type { ComponentChildren } from 'preact';

const TONES: Record<string, string> = {
  running: 'good', completed: 'good', ready: 'good', healthy: 'good', up: 'good', connected: 'good', ok: 'good',
  paused: 'warn', stale: 'warn', starting: 'warn', stopping: 'warn', degraded: 'warn', draining: 'warn', queued: 'info',
  error: 'bad', failed: 'bad', down: 'bad', unreachable: 'bad', not_connected: 'bad', connecting: 'warn', restoring: 'warn', critical: 'bad', warning: 'warn', info: 'info',
};

export const Badge = ({ state, title }: { state: string; title?: string }) => (
  <span class={`badge ${TONES[state] ?? 'plain'}`} title={title}>{state.replaceAll('_', ' ')}</span>
);

export const Figure = ({ name, value, note, tone = '' }: { name: string; value: string; note?: string; tone?: string }) => (
  <div class="figure">
    <dt>{name}</dt>
    <dd class={tone}>{value}{note && <small> {note}</small>}</dd>
  </div>
);

export const Notice = ({ kind, children }: { kind: 'bad' | 'warn' | 'info' | 'good'; children: ComponentChildren }) => (
  <div class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>{children}</div>
);

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="empty"><h2>{title}</h2>{children}</div>
);

export const Bar = ({ pct, label, state = '' }: { pct: number; label: string; state?: string }) => (
  <progress class={state} max={1} value={Math.min(1, Math.max(0, pct))} aria-label={label} />
);
