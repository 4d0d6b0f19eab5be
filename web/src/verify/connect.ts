/** Connections of the checks: each its own, over one transport, given up in time. */
import { HttpTransportType, HubConnection, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { query, token } from '../hub/identity';

const LIMIT = 10_000;

export async function connect(transport: HttpTransportType, hub = 'llmhub'): Promise<HubConnection> {
  const connection = new HubConnectionBuilder()
    // Without cookies: a proxy's affinity would hide what the fleet must do itself.
    .withUrl(`/${hub}${query()}`, { transport, accessTokenFactory: () => token.value ?? '', withCredentials: false })
    .configureLogging(LogLevel.None)
    .build();
  try {
    await within(LIMIT, connection.start());
    return connection;
  } catch (error) {
    void connection.stop().catch(() => {});
    throw error;
  }
}

export async function within<T>(limit: number, act: Promise<T>): Promise<T> {
  let timer = 0;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(`no answer within ${limit / 1_000} s`)), limit) as unknown as number;
  });
  try {
    return await Promise.race([act, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds of round trips, sorted. */
export async function roundTrips(connection: HubConnection, times: number): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const begin = performance.now();
    await within(LIMIT, connection.invoke('ListModels'));
    taken.push(performance.now() - begin);
  }
  return taken.sort((a, b) => a - b);
}
