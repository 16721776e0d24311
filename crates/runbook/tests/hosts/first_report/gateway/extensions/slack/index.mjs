import { serveChannel } from 'openclaw/plugin-sdk';

export const start = (host) => serveChannel('slack', 'agent:main:main', host, 'socket mode connected');
