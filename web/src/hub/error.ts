/** What a hub method or a route answers when it refuses. */
export class ServerError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** A failed call carries one JSON object from its first `{`; anything else is told as it is. */
export function fromHub(error: unknown): ServerError {
  if (error instanceof ServerError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const begin = text.indexOf('{');
  if (begin >= 0) {
    try {
      const { code, message, ...details } = JSON.parse(text.slice(begin));
      return new ServerError(String(code), String(message), details);
    } catch {
      // Not ours: shown as it is.
    }
  }
  return new ServerError('failed', text);
}

/** For people: one sentence. */
export function explain(error: unknown): string {
  const { code, message } = fromHub(error);
  if (code === 'forbidden') return 'Your token has no role for this.';
  return message.charAt(0).toUpperCase() + message.slice(1);
}
