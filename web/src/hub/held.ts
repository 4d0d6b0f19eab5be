/**
 * Events that come while a subscription's answer is still being worked on. The client hands an
 * answer and the events behind it over in one go, and the answer's reader runs after them.
 */
export class Held<E extends unknown[]> {
  #waiting: E[] | null = null;
  #shared: Promise<void> | null = null;

  constructor(readonly take: (...event: E) => void) {}

  pass(...event: E): void {
    if (this.#waiting) this.#waiting.push(event);
    else this.take(...event);
  }

  /** Holds everything back until `act` is over. */
  async during(act: () => Promise<void>): Promise<void> {
    this.#waiting ??= [];
    try {
      await act();
    } finally {
      const waiting = this.#waiting ?? [];
      this.#waiting = null;
      for (const event of waiting) this.take(...event);
    }
  }

  /** The same, once at a time: whoever asks meanwhile waits for the first one's end. */
  shared(act: () => Promise<void>): Promise<void> {
    return (this.#shared ??= this.during(act).finally(() => (this.#shared = null)));
  }
}
