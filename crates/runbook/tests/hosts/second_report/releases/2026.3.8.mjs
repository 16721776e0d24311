// What plugins of that time were written against.
export const createPluginRuntimeStore = () => new Map();
export const resolvePreferredOpenClawTmpDir = () => "/tmp";
