/** How the page stands with the server, without make-up. */
import type { HttpTransportType } from '@microsoft/signalr';
import { changeTransport, hubs } from './hub/hubs';
import type { HubState } from './hub/hub';
import { preferredTransport, TRANSPORTS } from './hub/transport';
import { Notice } from './ui/badge';
import { duration } from './ui/format';
import { now } from './ui/now';

const WORST = ['refused', 'reconnecting', 'connecting', 'connected', 'idle'] as const;
const TEXT: Record<HubState['kind'], [string, string]> = {
  refused: ['bad', 'Not let in'],
  reconnecting: ['warn', 'Reconnecting'],
  connecting: ['warn', 'Connecting'],
  connected: ['good', 'Live'],
  idle: ['plain', 'Not connected'],
};

/** The worst of those hubs that are in use. */
function worst(): HubState {
  const states = hubs.map(hub => hub.state.value);
  return WORST.map(kind => states.find(state => state.kind === kind)).find(state => state !== undefined)!;
}

export function ConnectionPill() {
  const [tone, text] = TEXT[worst().kind];
  const choose = (value: string) => changeTransport(value ? (Number(value) as HttpTransportType) : null);
  return (
    <span class="connection">
      <span class={`badge ${tone}`} role="status">{text}</span>
      <select class="transport" aria-label="Transport" value={preferredTransport.value ?? ''} onChange={event => choose(event.currentTarget.value)}>
        <option value="">Automatic</option>
        {TRANSPORTS.map(([value, name]) => <option key={name} value={value}>{name}</option>)}
      </select>
    </span>
  );
}

/** What is on the page may be old, and since when. */
export function ConnectionBanner() {
  const state = worst();
  if (state.kind === 'reconnecting') {
    return (
      <Notice kind="warn">
        The connection was lost {duration(now.value - state.since.getTime())} ago; what you see is from then. Trying again, attempt {state.attempt + 1}.
        {state.problem && <small> {state.problem}</small>}
      </Notice>
    );
  }
  if (state.kind === 'connecting' && state.attempt > 0) {
    return <Notice kind="warn">The server cannot be reached. Trying again, attempt {state.attempt + 1}. <small>{state.problem}</small></Notice>;
  }
  return null;
}
