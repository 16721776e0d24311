// Plugins are loaded from the package's own tree.
export const stage = (root) => `${root}/extensions`;
