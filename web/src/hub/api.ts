/** The HTTP API, asked as the person who sits here. */
import { ServerError } from './error';
import { query, token } from './identity';

/** `path` without query. A refusal is a `ServerError` with the code of its problem+json. */
export async function getJson<T>(path: string, parameters: Record<string, string> = {}): Promise<T> {
  const address = new URL(path + query(), location.origin);
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  const headers: Record<string, string> = token.value ? { authorization: `Bearer ${token.value}` } : {};
  const answer = await fetch(address, { headers, cache: 'no-store', signal: AbortSignal.timeout(10_000) });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new ServerError(problem.code ?? `http_${answer.status}`, problem.detail ?? problem.title ?? `HTTP ${answer.status}`);
}

/** Health routes answer with a body whatever their status says. */
export async function health<T>(path: '/health/ready' | '/health/live'): Promise<{ status: number; body: T; date: Date | null }> {
  const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(5_000) });
  const date = answer.headers.get('date');
  return { status: answer.status, body: await answer.json(), date: date ? new Date(date) : null };
}
