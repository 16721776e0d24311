// Plugins are staged into the state directory, with a link to the package that they need.
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';

export function stage(root, home, { version }) {
  const dir = `${home}/plugin-runtime-deps/openclaw-${version}`;
  cpSync(`${root}/extensions`, `${dir}/extensions`, { recursive: true });
  mkdirSync(`${dir}/node_modules`, { recursive: true });
  rmSync(`${dir}/node_modules/openclaw`, { force: true });
  symlinkSync(root, `${dir}/node_modules/openclaw`);
  return `${dir}/extensions`;
}
