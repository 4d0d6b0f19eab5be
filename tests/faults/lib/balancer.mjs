// A plain TCP balancer: connections go round robin. Like Docker's it sends nobody new to an instance
// that was withdrawn, and like every balancer it tries the next one when an instance refuses.
import net from 'node:net';

export class Balancer {
    #targets;
    #next = 0;
    #sockets = new Set();
    #server;

    static async before(ports) {
        const balancer = new Balancer();
        balancer.#targets = [...ports];
        balancer.#server = net.createServer(client => balancer.#connect(client, ports.length));
        await new Promise(done => balancer.#server.listen(0, '127.0.0.1', done));
        return balancer;
    }

    get port() { return this.#server.address().port; }

    /** New connections go elsewhere; those that are open stay. */
    withdraw(port) { this.#targets = this.#targets.filter(target => target !== port); }
    admit(port) { this.#targets.push(port); }

    stop() {
        this.#server.close();
        for (const socket of this.#sockets) socket.destroy();
    }

    #connect(client, tries) {
        if (tries === 0 || this.#targets.length === 0) { client.destroy(); return; }
        const target = this.#targets[this.#next++ % this.#targets.length];
        const upstream = net.connect(target, '127.0.0.1');
        upstream.once('connect', () => this.#join(client, upstream));
        upstream.once('error', () => { if (upstream.connecting || !upstream.joined) this.#connect(client, tries - 1); });
        client.on('error', () => {});
    }

    #join(client, upstream) {
        upstream.joined = true;
        for (const [from, to] of [[client, upstream], [upstream, client]]) {
            this.#sockets.add(from);
            from.setNoDelay(true);
            from.pipe(to);
            from.on('error', () => {});
            from.on('close', () => { to.destroy(); this.#sockets.delete(from); });
        }
    }
}
