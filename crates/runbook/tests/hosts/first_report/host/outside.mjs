// What is outside of the gateway: a chat service to which bots and people connect, and two model servers. One of them never
// answers; the other one does at once.
import http from 'node:http';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const bots = new Map();
const people = new Map();
let count = 0;

const send = (socket, line) => socket.write(`${JSON.stringify(line)}\n`);

function hear(socket, line) {
  const { bot, channel, text, to, error } = JSON.parse(line);
  if (bot) {
    bots.set(bot, socket);
    socket.on('close', () => bots.get(bot) === socket && bots.delete(bot));
    return send(socket, { welcome: true });
  }
  if (to) return people.has(to) && send(people.get(to), { text, error });
  if (!bots.has(channel)) return send(socket, { error: `nobody answers in ${channel}` });
  people.set((count += 1), socket);
  send(bots.get(channel), { from: count, text });
}

createServer((socket) => {
  socket.on('error', () => socket.destroy());
  createInterface({ input: socket }).on('line', (line) => hear(socket, line));
}).listen(18700, '127.0.0.1');

http.createServer(async (request, response) => {
  const { model, text } = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString());
  // The provider whose trouble once made failover pin a session, and which never recovered.
  if (model.startsWith('google/')) return;
  response.end(JSON.stringify({ text: `${text}? pong, says ${model}` }));
}).listen(18701, '127.0.0.1');
