// Serves the page that runs the jobs in a browser, from an origin that is not the hub's.
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path => fileURLToPath(new URL(path, import.meta.url));
const require = createRequire(import.meta.url);
const browserBuild = name => join(dirname(require.resolve(`${name}/package.json`)), 'dist/browser');

const FILES = {
    '/': ['text/html', here('../page/index.html')],
    '/jobs.mjs': ['text/javascript', here('jobs.mjs')],
    '/signalr.js': ['text/javascript', join(browserBuild('@microsoft/signalr'), 'signalr.js')],
    '/signalr-protocol-msgpack.js': ['text/javascript', join(browserBuild('@microsoft/signalr-protocol-msgpack'), 'signalr-protocol-msgpack.js')],
};

export async function startPage() {
    const server = http.createServer(async (request, response) => {
        const [type, path] = FILES[request.url] ?? [];
        if (!path) { response.writeHead(404).end(); return; }
        response.writeHead(200, { 'Content-Type': type }).end(await readFile(path));
    });
    await new Promise(done => server.listen(0, '127.0.0.1', done));
    return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => { server.closeAllConnections(); server.close(); } };
}
