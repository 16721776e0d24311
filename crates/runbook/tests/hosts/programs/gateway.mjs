// A gateway as the field reports have it: it gives itself a title, and tries again while somebody else has its port.
import fs from "node:fs";
import http from "node:http";

const [port, host] = [Number(process.argv[2]), process.argv[3]];
const version = fs.readFileSync(new URL("VERSION", import.meta.url), "utf8").trim();
process.title = "openclaw-gateway";
console.log(`gateway ${version} starting`);
const server = http.createServer((_, response) => response.end(`${version} ${process.pid}`));
const listen = () => server.listen(port, host);
server.on("listening", () => console.log(`gateway ready ${version}`));
server.on("error", (error) => {
  console.log(`another gateway instance is already listening (${error.code}), trying again`);
  setTimeout(listen, 200);
});
listen();
