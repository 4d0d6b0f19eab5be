/** Who sits in front of the page: a bearer token where the server wants one, else an id of the page's own. */
import { signal } from '@preact/signals';

const TOKEN = 'managing-api.token';
const USER = 'managing-api.user';

export const token = signal<string | null>(sessionStorage.getItem(TOKEN) ?? localStorage.getItem(TOKEN));

/** What a token says about its bearer. The page shows it; only the server believes it or not. */
export interface Claims {
  user: string;
  roles: string[];
  expiresAt: Date | null;
}

export function claims(text: string): Claims | null {
  try {
    const body = text.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    const json = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(body), c => c.charCodeAt(0))));
    const roles: unknown = json.roles ?? json.role ?? [];
    return {
      user: String(json.sub ?? ''),
      roles: Array.isArray(roles) ? roles.map(String) : [String(roles)],
      expiresAt: typeof json.exp === 'number' ? new Date(json.exp * 1000) : null,
    };
  } catch {
    return null;
  }
}

/** `keep` stores the token beyond this tab. */
export function signIn(text: string, keep: boolean): void {
  signOut();
  (keep ? localStorage : sessionStorage).setItem(TOKEN, text);
  token.value = text;
}

export function signOut(): void {
  sessionStorage.removeItem(TOKEN);
  localStorage.removeItem(TOKEN);
  token.value = null;
}

/** Without sign-in the server takes anybody's word: an id made once keeps conversations together. */
export function anonymousUser(): string {
  let user = localStorage.getItem(USER);
  if (!user) {
    user = `web-${randomId().slice(0, 8)}`;
    localStorage.setItem(USER, user);
  }
  return user;
}

/** The query of hub and API addresses. */
export const query = (): string => (token.value ? '' : `?user=${encodeURIComponent(anonymousUser())}`);

/** Like `crypto.randomUUID`, which pages without TLS do not have. */
export function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}
