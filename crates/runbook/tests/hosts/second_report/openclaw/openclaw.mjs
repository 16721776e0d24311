#!/usr/bin/env node
// A gateway as the second report has it. It gives itself a title, tries again while somebody else has its port, and loads plugins through a
// cache that is named as jiti names it and never looks at the source again.
import { createHash } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import * as sdk from "./sdk.mjs";

const { version } = JSON.parse(fs.readFileSync(new URL("package.json", import.meta.url)));
const state = path.join(os.homedir(), ".openclaw");
const extensions = path.join(state, "extensions");
const [command] = process.argv.slice(2);
const port = 18789;

const cached = (source) => {
  const hash = createHash("sha256").update(source).digest("hex").slice(0, 8);
  const cache = path.join(os.tmpdir(), "jiti");
  const file = path.join(cache, `${path.basename(path.dirname(source))}-index.${hash}.mjs`);
  fs.mkdirSync(cache, { recursive: true });
  if (!fs.existsSync(file)) fs.copyFileSync(source, file);
  return pathToFileURL(file);
};

const load = async (name) => {
  const source = path.join(extensions, name, "index.mjs");
  try {
    const { start } = await import(cached(source));
    console.log(start(sdk, createRequire(source)));
  } catch (error) {
    console.log(`[plugins] ${name} failed to load from ${source}: ${error}`);
  }
};

const ready = async () => {
  console.log(`[gateway] listening on ws://127.0.0.1:${port} (${version}, pid ${process.pid})`);
  const { channels } = JSON.parse(fs.readFileSync(path.join(state, "openclaw.json")));
  channels.forEach((line) => console.log(line));
  for (const name of fs.existsSync(extensions) ? fs.readdirSync(extensions) : []) await load(name);
};

const serve = (at) => {
  process.title = "openclaw-gateway";
  const server = http.createServer((_, response) => response.end(`${version} ${process.pid}`));
  server.on("listening", ready);
  server.on("error", (error) => {
    console.log(`another gateway instance is already listening (${error.code}), trying again`);
    setTimeout(() => server.listen(at, "127.0.0.1"), 200);
  });
  server.listen(at, "127.0.0.1");
};

switch (command) {
  case "--version":
    console.log(`OpenClaw ${version}`);
    break;
  case "gateway":
    serve(Number(process.argv[3]) || port);
    break;
  case "node":
    setInterval(() => {}, 60_000);
    break;
  default:
    // `plugins list`, `channels status` and `health` are clients of the gateway.
    http.get({ port, timeout: 5000 }, (answer) => answer.pipe(process.stdout)).on("error", (error) => {
      console.error(`${error}`);
      process.exitCode = 1;
    });
}
