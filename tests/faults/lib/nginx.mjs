// nginx in front of the instances, as CapRover's template sets it up: the headers for WebSockets on
// every request, default buffering, and an upstream chosen anew for each request.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../interop/lib/port.mjs';
import { startChild } from './child.mjs';

const configuration = (folder, port, targets) => `
daemon off;
${process.getuid() === 0 ? 'user root;' : ''}
worker_processes 1;
worker_rlimit_nofile 16384;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 8192; }
http {
    access_log off;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${folder}/${name};`).join('\n    ')}
    upstream captain {
        ${targets.map(target => `server 127.0.0.1:${target};`).join('\n        ')}
    }
    server {
        listen 127.0.0.1:${port} backlog=4096;
        client_max_body_size 500m;
        location / {
            proxy_pass http://captain;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_http_version 1.1;
        }
    }
}
`;

export class Nginx {
    #child;
    #folder;

    static async before(targets) {
        const nginx = new Nginx();
        nginx.port = await freePort();
        nginx.#folder = await mkdtemp(join(tmpdir(), 'faults-nginx-'));
        // The workers may run as another user than the one who made the folder.
        await chmod(nginx.#folder, 0o755);
        const file = join(nginx.#folder, 'nginx.conf');
        await writeFile(file, configuration(nginx.#folder, nginx.port, targets));
        nginx.#child = await startChild('nginx', ['-c', file, '-p', nginx.#folder, '-e', 'stderr'], nginx);
        return nginx;
    }

    /** Complaints about upstreams, if there were any. */
    get errors() { return this.#child.output; }

    async stop() {
        // A quick stop by its own signal: killed, the master would leave its workers behind.
        this.#child.signal('SIGTERM');
        await this.#child.ended;
        await rm(this.#folder, { recursive: true, force: true });
    }
}
