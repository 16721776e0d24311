#!/usr/bin/env node
// The command line of the stand-in: the commands that the plans of the replay use, with the exit codes of the real one.
import { readdirSync, readFileSync } from 'node:fs';
import { config, home, release } from './lib/place.mjs';

const [command, ...words] = process.argv.slice(2);
const option = (name) => words[words.indexOf(`--${name}`) + 1];
const port = () => config().gateway.port;

async function ask(path, body) {
  const options = body && { method: 'POST', body: JSON.stringify(body) };
  const answer = await fetch(`http://127.0.0.1:${port()}${path}`, options);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

const COMMANDS = {
  '--version': () => console.log(`OpenClaw ${release.version}`),
  // Green whatever the plugins do, as on the day of the report.
  doctor: () => console.log('Errors: 0'),
  plugins: () => readdirSync(new URL('extensions', import.meta.url)).forEach((name) => console.log(`${name} ${release.version} enabled`)),
  sessions: () => console.log(readFileSync(`${home}/agents/main/sessions/sessions.json`, 'utf8')),
  async channels() {
    try {
      for (const [name, state] of Object.entries(await ask('/channels'))) console.log(`${name}: ${state}`);
    } catch {
      console.log('Gateway not reachable; showing config-only status.');
      Object.keys(config().channels).forEach((name) => console.log(`${name}: configured`));
    }
  },
  async agent() {
    const id = words.includes('--session-id') ? option('session-id') : undefined;
    console.log((await ask('/agent', { id, text: option('message') })).text);
  },
  async gateway() {
    const { serve } = await import('./lib/gateway.mjs');
    await serve(words.includes('--port') ? Number(option('port')) : port());
  },
};

try {
  if (!COMMANDS[command]) throw new Error(`unknown command ${command}`);
  await COMMANDS[command]();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
