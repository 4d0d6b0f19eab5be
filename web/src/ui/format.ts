/** Numbers and times as people read them. What is not known is a dash. */
const NOTHING = '–';
const locale = navigator.language;
const compact = new Intl.NumberFormat(locale, { maximumFractionDigits: 1, notation: 'compact' });
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const cents = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const precise = new Intl.NumberFormat(locale, { maximumSignificantDigits: 8 });
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });

type Maybe = number | null | undefined;
const known = (value: Maybe): value is number => typeof value === 'number' && Number.isFinite(value);

export const count = (value: Maybe): string => (known(value) ? whole.format(value) : NOTHING);
export const short = (value: Maybe): string => (known(value) ? compact.format(value) : NOTHING);
export const money = (value: Maybe): string => (known(value) ? cents.format(value) : NOTHING);
export const price = (value: Maybe): string => (known(value) ? precise.format(value) : NOTHING);
export const signed = (value: Maybe): string => (known(value) ? `${value > 0 ? '+' : ''}${cents.format(value)}` : NOTHING);
/** `value` is in percent already. */
export const percent = (value: Maybe): string => (known(value) ? `${cents.format(value)} %` : NOTHING);
/** `value` is between 0 and 1. */
export const ratio = (value: Maybe): string => (known(value) ? `${whole.format(value * 100)} %` : NOTHING);

export const time = (text: string | null | undefined): string => (text ? clock.format(new Date(text)) : NOTHING);

export function moment(text: string | null | undefined): string {
  if (!text) return NOTHING;
  const date = new Date(text);
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : day.format(date);
}

export function duration(milliseconds: Maybe): string {
  if (!known(milliseconds)) return NOTHING;
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}

/** The class that colours gains and losses; the sign says the same to those who see no colours. */
export const tone = (value: Maybe): string => (!known(value) || value === 0 ? '' : value > 0 ? 'gain' : 'loss');
