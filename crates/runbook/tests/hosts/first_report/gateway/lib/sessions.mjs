// Conversations: which model a session talks to, and what was said.
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { config, home, release } from './place.mjs';

const dir = `${home}/agents/main/sessions`;
const index = () => JSON.parse(readFileSync(`${dir}/sessions.json`, 'utf8'));

function store(sessions) {
  writeFileSync(`${dir}/sessions.json.new`, `${JSON.stringify(sessions, null, 2)}\n`);
  renameSync(`${dir}/sessions.json.new`, `${dir}/sessions.json`);
}

// The session with an id; the main one without.
export function keyOf(id) {
  const found = Object.entries(index()).find(([, session]) => session.sessionId === id);
  return found ? found[0] : 'agent:main:main';
}

// One turn. A session that failover once pinned to a model asks that one first, whatever the configuration says.
export async function answer(key, text) {
  const sessions = index();
  const session = (sessions[key] ??= { sessionId: randomUUID() });
  store(sessions);
  const { models } = config();
  const primary = models.primary;
  const pinned = session.providerOverride && `${session.providerOverride}/${session.modelOverride}`;
  const reply = await turn(pinned ?? primary, text, models).catch((error) => {
    if (!pinned || error.name !== 'TimeoutError') throw error;
    console.log(`[agent/embedded] embedded run failover decision: reason=timeout from=${pinned}`);
    return turn(primary, text, models);
  });
  const lines = [{ role: 'user', text }, { role: 'assistant', text: reply }].map((line) => `${JSON.stringify(line)}\n`);
  appendFileSync(`${dir}/${session.sessionId}.jsonl`, lines.join(''));
  return `${reply} (OpenClaw ${release.version})`;
}

async function turn(model, text, { at, timeout }) {
  const signal = AbortSignal.timeout(timeout);
  const answer = await fetch(at, { method: 'POST', body: JSON.stringify({ model, text }), signal });
  if (!answer.ok) throw new Error(`the model server says ${answer.status}`);
  return (await answer.json()).text;
}
