// Connects to a port of this host every 100 ms: `node probe.mjs PORT`. Prints a line when it begins to answer and when it
// stops (`up` or `down`, and milliseconds since 1970), and ends with its standard input.
import { connect } from 'node:net';

const port = Number(process.argv.at(-1));
let last;
function seen(up, at) {
  if (up !== last) console.log(`${up ? 'up' : 'down'} ${at}`);
  last = up;
}
function ask() {
  const at = Date.now();
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(1000, () => socket.destroy(new Error('no answer')));
  socket.on('connect', () => { seen(true, at); socket.destroy(); });
  socket.on('error', () => seen(false, at));
}
setInterval(ask, 100);
ask();
process.stdin.resume().on('end', () => process.exit());
