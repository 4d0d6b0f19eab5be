import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

/** Writes `.br` and `.gz` beside what is worth compressing; the server only picks one. */
function precompress(): Plugin {
  const compress = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) compress(path);
      else if (/\.(html|js|css|svg|json|webmanifest)$/.test(name)) {
        const content = readFileSync(path);
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        writeFileSync(`${path}.br`, brotliCompressSync(content, quality));
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    }
  };
  return { name: 'precompress', apply: 'build', writeBundle: options => compress(options.dir!) };
}

const hubs = ['/llmhub', '/bothub', '/backtesthub'];
const server = process.env.SERVER ?? 'http://localhost:8080';

export default defineConfig({
  plugins: [precompress()],
  build: {
    target: 'es2022',
    // The page's policy allows no inline code and no data: scripts.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  // `npm run dev` shows the sources against a running server.
  server: {
    proxy: Object.fromEntries(
      [...hubs, '/api', '/health', '/metrics', '/openapi.json'].map(path => [path, { target: server, ws: true }]),
    ),
  },
});
