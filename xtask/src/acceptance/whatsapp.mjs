// Credentials that make OpenClaw start its WhatsApp channel and that no real service knows: `node whatsapp.mjs PACKAGE FILE`.
// PACKAGE is an installed openclaw whose own WhatsApp library writes them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [root, file] = process.argv.slice(-2);
const { initAuthCreds, BufferJSON } = await import(pathToFileURL(join(root, 'node_modules/@whiskeysockets/baileys/lib/index.js')));
const linked = {
  ...initAuthCreds(),
  registered: true,
  platform: 'android',
  me: { id: '15555550123:1@s.whatsapp.net', name: 'acceptance' },
  account: { details: '', accountSignatureKey: '', accountSignature: '', deviceSignature: '' },
};
mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
writeFileSync(file, JSON.stringify(linked, BufferJSON.replacer), { mode: 0o600 });
