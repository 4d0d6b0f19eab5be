/** Light or dark: as the system says, unless the person said otherwise. */
import { effect, signal } from '@preact/signals';

const KEY = 'managing-api.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const stored = localStorage.getItem(KEY);

export const theme = signal<'light' | 'dark'>(
  stored === 'light' || stored === 'dark' ? stored : system.matches ? 'dark' : 'light',
);

system.addEventListener('change', () => {
  if (!localStorage.getItem(KEY)) theme.value = system.matches ? 'dark' : 'light';
});
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function switchTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark';
  localStorage.setItem(KEY, theme.value);
}
