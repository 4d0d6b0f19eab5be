/** The time, once a second, for what grows old while one looks at it. */
import { signal } from '@preact/signals';

export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1_000);
