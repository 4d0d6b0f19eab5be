// A worker as a trading process would be one, with the stock client.
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';

export async function connectWorker(url, hub, obey = () => ({ ok: true })) {
  const connection = new HubConnectionBuilder().withUrl(`${url}/${hub}?user=worker`).configureLogging(LogLevel.None).build();
  connection.on('ExecuteCommand', command => obey(command));
  await connection.start();
  return connection;
}

export const pnl = total => ({
  type: 'PnlUpdated', realized: total, unrealized: 0, total, totalPct: total / 100, equity: 10_000 + total,
  drawdownPct: 0.5, winRate: 0.6, tradeCount: 3, currency: 'USDT',
});
