/**
 * One hub's connection, for as long as the page lives: it tries for ever, tells honestly what it is
 * doing, and runs what must be done again after every new connection.
 */
import { signal } from '@preact/signals';
import {
  HttpTransportType,
  HubConnection,
  HubConnectionBuilder,
  HubConnectionState,
  LogLevel,
  type IRetryPolicy,
  type RetryContext,
} from '@microsoft/signalr';
import { explain, fromHub } from './error';
import { query, token } from './identity';
import { preferredTransport } from './transport';

export type HubState =
  | { kind: 'idle' }
  | { kind: 'connecting'; attempt: number; problem: string | null }
  | { kind: 'connected'; since: Date; connectionId: string }
  | { kind: 'reconnecting'; since: Date; attempt: number; problem: string | null }
  | { kind: 'refused'; problem: string };

/** Every event of every hub, for whoever wants to see them raw. */
export type Tap = (hub: string, event: string, argument: unknown) => void;

const DELAYS = [0, 500, 1_000, 2_000, 4_000, 8_000];
/** Where the person is asked to sign in: trying again with the same token changes nothing. */
const isRefusal = (error: unknown): boolean => /\b(401|403)\b|Unauthorized|Forbidden/i.test(String((error as Error)?.message));

function delay(attempt: number): number {
  const base = DELAYS[Math.min(attempt, DELAYS.length - 1)]!;
  // Spread, so that a restarted server is not met by everybody in the same moment.
  return base + Math.random() * Math.min(base, 1_000);
}

/** What a method takes. */
type Argument<M> = M extends { argument: infer A } ? A : never;
type Result<M> = M extends { result: infer R } ? R : never;
type Item<M> = M extends { item: infer I } ? I : never;

export class Hub<Methods, Events> {
  readonly state = signal<HubState>({ kind: 'idle' });
  #connection: HubConnection | null = null;
  #handlers: [string, (argument: never) => void][] = [];
  #onReady: (() => Promise<void>)[] = [];
  #life = 0;

  constructor(
    readonly name: string,
    readonly events: readonly (keyof Events & string)[],
    readonly tap: Tap,
  ) {}

  on<E extends keyof Events & string>(event: E, handler: (argument: Events[E]) => void): void {
    this.#handlers.push([event, handler]);
  }

  /** Runs now if connected, and after every connection to come. Its failure is the page's to show. */
  onReady(act: () => Promise<void>): void {
    this.#onReady.push(act);
    if (this.state.value.kind === 'connected') void act();
  }

  start(): void {
    if (this.state.value.kind === 'idle' || this.state.value.kind === 'refused') void this.#live(++this.#life);
  }

  /** Leaves and comes back, as somebody else or over another transport. */
  async restart(): Promise<void> {
    const wasStarted = this.state.value.kind !== 'idle';
    await this.stop();
    if (wasStarted) this.start();
  }

  async stop(): Promise<void> {
    this.#life++;
    this.state.value = { kind: 'idle' };
    await this.#connection?.stop().catch(() => {});
    this.#connection = null;
  }

  async invoke<M extends keyof Methods & string>(method: M, ...args: Argument<Methods[M]> extends void ? [] : [Argument<Methods[M]>]): Promise<Result<Methods[M]>> {
    const connection = this.#connection;
    if (connection?.state !== HubConnectionState.Connected) throw fromHub('There is no connection to the server.');
    try {
      return await connection.invoke(method, ...args);
    } catch (error) {
      throw fromHub(error);
    }
  }

  /** Items until the stream ends; the returned function stops listening. */
  stream<M extends keyof Methods & string>(
    method: M,
    argument: Argument<Methods[M]>,
    next: (item: Item<Methods[M]>) => void,
    ended: (error: unknown) => void,
  ): () => void {
    const stream = this.#connection!.stream<Item<Methods[M]>>(method, argument);
    const subscription = stream.subscribe({ next, complete: () => ended(null), error: ended });
    return () => subscription.dispose();
  }

  async #live(life: number): Promise<void> {
    for (let attempt = 0; life === this.#life; attempt++) {
      const before = this.state.value;
      const problem = 'problem' in before ? before.problem : null;
      this.state.value = { kind: 'connecting', attempt, problem };
      await new Promise(done => setTimeout(done, delay(attempt)));
      if (life !== this.#life) return;
      const connection = this.#build(life);
      try {
        await connection.start();
      } catch (error) {
        if (life !== this.#life) return;
        if (isRefusal(error)) {
          this.state.value = { kind: 'refused', problem: explain(error) };
          return;
        }
        this.state.value = { kind: 'connecting', attempt, problem: explain(error) };
        continue;
      }
      if (life !== this.#life) return void connection.stop();
      this.#connection = connection;
      this.#connected();
      return;
    }
  }

  #build(life: number): HubConnection {
    const connection = new HubConnectionBuilder()
      .withUrl(`/${this.name}${query()}`, {
        accessTokenFactory: () => token.value ?? '',
        transport: preferredTransport.value ?? (HttpTransportType.WebSockets | HttpTransportType.ServerSentEvents | HttpTransportType.LongPolling),
      })
      .withStatefulReconnect()
      .withAutomaticReconnect(this.#policy())
      .configureLogging(LogLevel.None)
      .build();
    for (const event of this.events) connection.on(event, argument => this.tap(this.name, event, argument));
    for (const [event, handler] of this.#handlers) connection.on(event, handler);
    connection.onreconnecting(error => {
      this.state.value = { kind: 'reconnecting', since: new Date(), attempt: 0, problem: error ? explain(error) : null };
    });
    connection.onreconnected(() => this.#connected());
    connection.onclose(error => {
      if (life !== this.#life) return;
      if (isRefusal(error)) this.state.value = { kind: 'refused', problem: explain(error) };
      else void this.#live(++this.#life);
    });
    return connection;
  }

  #policy(): IRetryPolicy {
    return {
      nextRetryDelayInMilliseconds: ({ previousRetryCount, retryReason }: RetryContext) => {
        if (isRefusal(retryReason)) return null;
        const before = this.state.value;
        const since = before.kind === 'reconnecting' ? before.since : new Date();
        const problem = retryReason ? explain(retryReason) : null;
        this.state.value = { kind: 'reconnecting', since, attempt: previousRetryCount, problem };
        return delay(previousRetryCount);
      },
    };
  }

  #connected(): void {
    const connectionId = this.#connection?.connectionId ?? '';
    this.state.value = { kind: 'connected', since: new Date(), connectionId };
    for (const act of this.#onReady) void act();
  }
}
