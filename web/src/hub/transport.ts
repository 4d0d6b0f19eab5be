/** Which transport the person wants; `null` lets the client take the best that works. */
import { signal } from '@preact/signals';
import { HttpTransportType } from '@microsoft/signalr';

const KEY = 'managing-api.transport';
const stored = Number(localStorage.getItem(KEY));

export const preferredTransport = signal<HttpTransportType | null>(stored in HttpTransportType && stored > 0 ? stored : null);

export const TRANSPORTS = [
  [HttpTransportType.WebSockets, 'WebSockets'],
  [HttpTransportType.ServerSentEvents, 'Server-Sent Events'],
  [HttpTransportType.LongPolling, 'Long polling'],
] as const;

export function preferTransport(transport: HttpTransportType | null): void {
  preferredTransport.value = transport;
  if (transport === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, String(transport));
}
