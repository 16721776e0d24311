// A registry in front of the one that this machine's npm is set to: `node front.mjs CACHE`. It prints the port that it
// listens on, on loopback, and ends with its standard input.
//
// What was asked for once is kept in CACHE and never asked for again, so that a second run needs no network and installs
// the same dependencies. Three things are mended, without which a release of spring 2026 does not install today where
// only a registry can be reached, or does not show its fault:
//   * libsignal comes from git; the registry has the same code as 6.0.0.
//   * linkedom after 0.18.12 needs cssomnom, which registries do not have.
//   * jiti 2.7 hides the fault of 2026.4.22; the releases were made with 2.6.1.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const cache = process.argv.at(-1);
mkdirSync(cache, { recursive: true });

let registry; // asked for only when the cache lacks something
const upstream = () => (registry ??= execFileSync('npm', ['config', 'get', 'registry'], { cwd: '/', encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim());

const onTheWay = new Map();
function fetched(path, accept) {
  const file = join(cache, createHash('sha256').update(`${accept} ${path}`).digest('hex'));
  if (existsSync(file)) return readFileSync(file);
  if (!onTheWay.has(file)) onTheWay.set(file, ask(path, accept, file).finally(() => onTheWay.delete(file)));
  return onTheWay.get(file);
}

async function ask(path, accept, file) {
  const answer = await fetch(new URL(path.slice(1), upstream()), { headers: { accept } });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`the registry answers ${answer.status} to ${path}`);
  const body = Buffer.from(await answer.arrayBuffer());
  writeFileSync(`${file}.part`, body);
  renameSync(`${file}.part`, file);
  return body;
}

function mended(name, text, base) {
  const document = JSON.parse(text);
  const versions = document.versions ?? {};
  for (const [version, manifest] of Object.entries(versions)) {
    const dependencies = manifest.dependencies ?? {};
    if (/git/.test(dependencies.libsignal ?? '')) dependencies.libsignal = '6.0.0';
    const today = dependencies.cssomnom || (name === 'jiti' && !/^([01]\.|2\.[0-6]\.)/.test(version));
    if (today) delete versions[version];
    else if (manifest.dist?.tarball) manifest.dist.tarball = base + new URL(manifest.dist.tarball).pathname;
  }
  const tags = document['dist-tags'] ?? {};
  for (const tag of Object.keys(tags)) if (!versions[tags[tag]]) delete tags[tag];
  if (name === 'linkedom') tags.latest = '0.18.12';
  if (name === 'jiti') tags.latest = '2.6.1';
  return JSON.stringify(document);
}

const server = createServer(async (request, response) => {
  const say = (code, type, body) => response.writeHead(code, { 'content-type': type }).end(body);
  if (request.method !== 'GET') return say(404, 'application/json', '{}'); // audits
  try {
    const path = request.url.split('?')[0];
    const tarball = path.endsWith('.tgz');
    const short = (request.headers.accept ?? '').includes('install-v1');
    const type = tarball ? 'application/octet-stream' : short ? 'application/vnd.npm.install-v1+json' : 'application/json';
    const body = await fetched(path, type);
    if (body === null) return say(404, 'application/json', '{"error":"not found"}');
    say(200, type, tarball ? body : mended(decodeURIComponent(path.slice(1)), body, `http://${request.headers.host}`));
  } catch (error) {
    say(502, 'text/plain', String(error.cause ?? error.message));
  }
});
// A connection that waits is never closed from this side: npm might just be sending its next request on it.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit());
