// The service: answers at its port, brings up the channels, and writes into its state directory all the while.
import http from 'node:http';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import { answer, keyOf } from './sessions.mjs';
import { stage } from './staging.mjs';
import { config, home, release, root } from './place.mjs';

const RESTART = 5000;
const channels = {};

export async function serve(port) {
  const begun = performance.now();
  keepBooks();
  const server = http.createServer(respond);
  await new Promise((up) => server.listen(port, '127.0.0.1', up));
  const plugins = stage(root, home, release);
  const names = readdirSync(plugins).sort();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`[gateway] ready (${names.length} plugins: ${names.join(', ')}; ${seconds}s)`);
  for (const name of names) bringUp(name, `${plugins}/${name}`, 0);
}

// A plugin is a package that is found by its own package.json and resolves its imports by itself.
async function bringUp(name, dir, attempt) {
  const settings = config().channels[name];
  if (!settings?.enabled) return;
  const manifest = JSON.parse(readFileSync(`${dir}/package.json`, 'utf8'));
  const log = (text) => console.log(`[${name}] ${text}`);
  channels[name] = 'starting';
  compile(name);
  try {
    const plugin = await import(pathToFileURL(`${dir}/${manifest.main}`));
    await plugin.start({ settings, log, answer, up: () => (channels[name] = 'connected') });
    throw new Error('the connection ended');
  } catch (error) {
    channels[name] = 'down';
    if (!manifest.supervised) return log(`channel startup failed: ${error.message}`);
    log(`[default] channel exited: ${error.message}`);
    if (attempt === 10) return;
    log(`[default] auto-restart attempt ${attempt + 1}/10 in ${RESTART / 1000}s`);
    setTimeout(() => bringUp(name, dir, attempt + 1), RESTART);
  }
}

async function respond(request, response) {
  const say = (code, body) => response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (request.url === '/healthz') return say(200, { ok: true });
  if (request.url === '/channels') return say(200, channels);
  if (request.url !== '/agent' || request.method !== 'POST') return say(404, { error: 'not found' });
  try {
    const chunks = await Array.fromAsync(request);
    const { id, text } = JSON.parse(Buffer.concat(chunks).toString());
    say(200, { text: await answer(keyOf(id), text) });
  } catch (error) {
    say(500, { error: error.message });
  }
}

// What a loader of TypeScript leaves behind.
function compile(name) {
  mkdirSync(`${tmpdir()}/jiti`, { recursive: true });
  writeFileSync(`${tmpdir()}/jiti/${name}.cjs`, `// compiled by ${release.version}\n`);
}

// The scheduler notes each of its turns, so a file of the state directory grows at any moment at which somebody copies it.
function keepBooks() {
  mkdirSync(`${home}/cron`, { recursive: true });
  const note = () => appendFileSync(`${home}/cron/runs.jsonl`, `${JSON.stringify({ at: Date.now(), by: release.version })}\n`);
  note();
  setInterval(note, 20);
}
