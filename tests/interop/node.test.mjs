// The official JavaScript client in Node.
import { after, before, describe, test } from 'node:test';
import * as signalR from '@microsoft/signalr';
import * as msgpack from '@microsoft/signalr-protocol-msgpack';
import { applies, jobs, settings } from './lib/jobs.mjs';
import { startProxy } from './lib/proxy.mjs';
import { startServer } from './lib/server.mjs';

let server;
before(async () => { server = await startServer(); });
after(() => server.stop());

for (const setting of settings) {
    describe(`${setting.transport}, ${setting.protocol}`, () => {
        for (const [name, job] of Object.entries(jobs)) {
            if (!applies(name, setting)) continue;
            test(name, { timeout: 60_000 }, async () => {
                const proxy = await startProxy(server.port);
                try {
                    const network = { url: proxy.url, directUrl: server.url, cut: () => proxy.cut(), outage: () => proxy.outage() };
                    await job({ ...setting, ...network, signalR, msgpack });
                } finally { proxy.stop(); }
            });
        }
    });
}
