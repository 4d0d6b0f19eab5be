// Azure's own JavaScript client for messages from a server. It is made for Web PubSub, the sister of
// Azure SignalR: the same tokens, the same routes, the same codes where both have them. (The one for
// SignalR is only there for .NET.)
import assert from 'node:assert';
import { after, before, test } from 'node:test';
import { AzureKeyCredential, WebPubSubServiceClient } from '@azure/web-pubsub';
import * as signalR from '@microsoft/signalr';
import { startProgram } from './lib/program.mjs';

const KEY = 'YSBrZXkgdGhhdCBub2JvZHkgZWxzZSBrbm93cw==';
const SECRET = 'a secret of at least thirty-two bytes';

let server, service, stranger;
before(async () => {
    server = await startProgram({
        APP_ENVIRONMENT: 'Development',
        Azure__SignalR__ConnectionString: `Endpoint=https://fleet.example;AccessKey=${KEY};Version=1.0;`,
    });
    const client = key => new WebPubSubServiceClient(server.url, new AzureKeyCredential(key), 'BotHub', {
        allowInsecureConnection: true, retryOptions: { maxRetries: 0 },
    });
    [service, stranger] = [client(KEY), client(SECRET)];
});
after(() => server.stop());

/** A connected SignalR client that keeps what `Said` brought. */
async function connect(user) {
    const connection = new signalR.HubConnectionBuilder().withUrl(`${server.url}/bothub?user=${user}`)
        .configureLogging(signalR.LogLevel.None).build();
    const said = [];
    const ended = new Promise(done => connection.on('End', done));
    const closed = new Promise(done => connection.onclose(done));
    connection.on('Said', text => said.push(text));
    await connection.start();
    return { id: connection.connectionId, said, ended, closed };
}

const message = (...args) => ({ target: 'Said', arguments: args });

test('messages reach all, a user, a group and a connection', { timeout: 60_000 }, async () => {
    const [ann, bob] = [await connect('ann'), await connect('bob')];
    const team = service.group('team: a/b');
    await team.addConnection(bob.id);
    await team.addUser('ann');
    await service.sendToAll(message('all'));
    await service.sendToAll(message('all but ann'), { excludedConnections: [ann.id] });
    await service.sendToUser('ann', message('ann'));
    await service.sendToConnection(bob.id, message('bob'));
    await team.sendToAll(message('team'));
    await service.removeUserFromAllGroups('ann');
    await team.sendToAll(message('rest of the team'));
    await team.removeUser('bob');
    await team.sendToAll(message('nobody'));
    await service.sendToAll({ target: 'End' });
    await Promise.all([ann.ended, bob.ended]);
    assert.deepEqual(ann.said, ['all', 'ann', 'team']);
    assert.deepEqual(bob.said, ['all', 'all but ann', 'bob', 'team', 'rest of the team']);
});

test('existence is told, and connections are closed with a reason', { timeout: 60_000 }, async () => {
    const carl = await connect('carl');
    assert.equal(await service.connectionExists(carl.id), true);
    assert.equal(await service.connectionExists('nobody'), false);
    assert.equal(await service.userExists('carl'), true);
    assert.equal(await service.userExists('nobody'), false);
    assert.equal(await service.groupExists('nobody'), false);
    await service.group('g').addUser('carl');
    assert.equal(await service.groupExists('g'), true);
    await service.closeUserConnections('carl', { reason: 'enough' });
    assert.match(String(await carl.closed), /enough/);
    // The client knows of its end a moment before the server has forgotten it.
    while (await service.userExists('carl')) await new Promise(done => setTimeout(done, 10));
    const dora = await connect('dora');
    await service.closeAllConnections({ reason: 'all of you' });
    assert.match(String(await dora.closed), /all of you/);
});

test('another key, another hub and an unknown connection are refused', { timeout: 60_000 }, async () => {
    const status = async promise => promise.then(() => 0, error => error.statusCode);
    assert.equal(await status(stranger.sendToAll(message('x'))), 401);
    assert.equal(await status(service.group('g').addConnection('nobody')), 404);
    const elsewhere = new WebPubSubServiceClient(server.url, new AzureKeyCredential(KEY), 'nohub', { allowInsecureConnection: true });
    assert.equal(await status(elsewhere.sendToAll(message('x'))), 404);
});
