// The stock client with a diary: what it sent and received, and while which times it was there.
import { HttpTransportType, HubConnectionBuilder, HubConnectionState, LogLevel } from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { eventually } from './wait.mjs';

/** Every way a stock client can connect: transport and protocol, and once without negotiate. */
export const settings = [
    ['webSockets', 'json'], ['webSockets', 'messagepack'],
    ['skipNegotiation', 'json'], ['skipNegotiation', 'messagepack'],
    ['serverSentEvents', 'json'],
    ['longPolling', 'json'], ['longPolling', 'messagepack'],
].map(([transport, protocol]) => ({ transport, protocol, name: `${transport}, ${protocol}` }));

const KINDS = {
    webSockets: { transport: HttpTransportType.WebSockets },
    skipNegotiation: { transport: HttpTransportType.WebSockets, skipNegotiation: true },
    serverSentEvents: { transport: HttpTransportType.ServerSentEvents },
    longPolling: { transport: HttpTransportType.LongPolling },
};

/** A connection that is not started yet. */
export function connection(url, { transport, protocol }) {
    const builder = new HubConnectionBuilder()
        .withUrl(url, KINDS[transport])
        .withAutomaticReconnect()
        .configureLogging(LogLevel.None);
    if (protocol === 'messagepack') builder.withHubProtocol(new MessagePackHubProtocol());
    return builder.build();
}

/** A client in a group. */
export class Member {
    /** `{ publisher, n, at }` in the order of arrival. */
    received = [];
    /** `{ from, to }`: when the server had said that it is in the group, and the client did not know better. */
    present = [];
    /** How often the connection was lost. */
    drops = 0;
    /** The error after which the client gave up, if it did. */
    closed = null;

    constructor(url, setting, group, home) {
        Object.assign(this, { setting, group, home });
        this.connection = connection(url, setting);
        this.connection.on('Message', text => this.#got(...text.split('#')));
        this.connection.onreconnecting(() => { this.drops++; this.#left(); });
        this.connection.onreconnected(() => this.join().catch(() => {}));
        this.connection.onclose(error => { this.#left(); this.closed = error ?? new Error('closed'); });
    }

    async start() {
        await this.connection.start();
        await this.join();
        return this;
    }

    async join() {
        await this.connection.invoke('Join', this.group);
        this.present.push({ from: performance.now(), to: Infinity });
    }

    get isPresent() { return this.present.at(-1)?.to === Infinity; }

    async stop() {
        this.#left();
        await this.connection.stop();
    }

    #got(publisher, n) { this.received.push({ publisher, n: Number(n), at: performance.now() }); }

    #left() {
        if (this.isPresent) this.present.at(-1).to = performance.now();
    }
}

/** Sends numbered messages to a group, over a connection that others may use too. */
export class Publisher {
    /** `{ n, at, end, error }`: when it was asked for, when and how it was answered. */
    sent = [];
    id = `publisher ${++Publisher.#count}`;
    #timer;
    static #count = 0;

    constructor(connection, group, home) { Object.assign(this, { connection, group, home }); }

    /** One message; its outcome goes into the diary. */
    async send() {
        const entry = { n: this.sent.length, at: performance.now(), end: Infinity, error: null };
        this.sent.push(entry);
        try {
            await this.connection.invoke('ToGroup', this.group, `${this.id}#${entry.n}`);
        } catch (error) { entry.error = error; }
        entry.end = performance.now();
    }

    /** Sends at a steady pace while there is a connection, whether or not there are answers. */
    begin(perSecond) {
        const tick = () => { if (this.connection.state === HubConnectionState.Connected) this.send(); };
        this.#timer = setInterval(tick, 1000 / perSecond);
    }

    cease() { clearInterval(this.#timer); }

    /** Stops sending; resolves when every message was answered. */
    async end() {
        this.cease();
        await eventually('every send is answered', () => this.sent.every(entry => entry.end < Infinity), 60_000);
    }
}
