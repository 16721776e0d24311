import { serveChannel } from 'openclaw/plugin-sdk';

export const start = (host) =>
  serveChannel('whatsapp', 'agent:main:whatsapp:direct', host, 'Listening for personal WhatsApp inbound messages');
