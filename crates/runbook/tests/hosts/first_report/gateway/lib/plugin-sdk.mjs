// What plugins import from the host package.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

// Connects to the chat service as the bot of a channel and answers what people write there, until the connection ends.
export async function serveChannel(channel, session, { settings, answer, up, log }, greeting) {
  const [host, port] = settings.server.split(':');
  const socket = connect(Number(port), host);
  await new Promise((done, failed) => socket.once('connect', done).once('error', failed));
  const say = (line) => socket.write(`${JSON.stringify(line)}\n`);
  say({ bot: channel });
  for await (const line of createInterface({ input: socket })) {
    const message = JSON.parse(line);
    if (message.welcome) {
      up();
      log(greeting);
      continue;
    }
    answer(session, message.text).then(
      (text) => say({ to: message.from, text }),
      (error) => say({ to: message.from, error: error.message }),
    );
  }
}
