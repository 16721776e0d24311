// Where the stand-in is installed, and where its state is.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
export const home = `${homedir()}/.openclaw`;
export const release = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
export const config = () => JSON.parse(readFileSync(`${home}/openclaw.json`, 'utf8'));
