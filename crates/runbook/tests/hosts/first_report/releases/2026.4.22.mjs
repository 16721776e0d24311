// Plugins are staged into the state directory, where nothing leads back to the package that they need.
import { cpSync } from 'node:fs';

export function stage(root, home, { version }) {
  const dir = `${home}/plugin-runtime-deps/openclaw-${version}`;
  cpSync(`${root}/extensions`, `${dir}/extensions`, { recursive: true });
  return `${dir}/extensions`;
}
