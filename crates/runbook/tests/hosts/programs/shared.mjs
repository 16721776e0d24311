// Two processes that hold one listening socket: the parent hands it to the child that it forks.
import { fork } from "node:child_process";
import net from "node:net";

if (process.argv[3] === "child") {
  process.on("message", (_, server) => server.on("connection", (socket) => socket.end("child")));
} else {
  const server = net.createServer((socket) => socket.end("parent"));
  server.listen(Number(process.argv[2]), () => fork(process.argv[1], [process.argv[2], "child"]).send("take", server));
}
