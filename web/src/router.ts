/** Pages are behind `#/…`: the server knows one page only, and a reload stays where one was. */
import { computed, signal } from '@preact/signals';

const read = (): string[] => location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);

export const path = signal<string[]>(read());
addEventListener('hashchange', () => (path.value = read()));

/** The page's name; empty at the start. */
export const page = computed(() => path.value[0] || 'fleet');
/** What the page shows, e.g. a bot's id. */
export const subject = computed(() => path.value[1] || null);

export const href = (...parts: string[]): string => `#/${parts.map(encodeURIComponent).join('/')}`;

export function go(...parts: string[]): void {
  location.hash = href(...parts);
}

/** The same page under another address, without a step back to the former. */
export function rename(...parts: string[]): void {
  history.replaceState(null, '', href(...parts));
  path.value = read();
}
