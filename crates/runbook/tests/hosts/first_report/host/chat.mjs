// A person who writes into a channel and waits for the answer: node chat.mjs CHANNEL TEXT
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [channel, text] = process.argv.slice(2);
const socket = connect(18700, '127.0.0.1');
socket.write(`${JSON.stringify({ channel, text })}\n`);
for await (const line of createInterface({ input: socket })) {
  const answer = JSON.parse(line);
  if (answer.error) {
    console.error(answer.error);
    process.exitCode = 1;
  } else {
    console.log(answer.text);
  }
  break;
}
socket.destroy();
