// Both functions that plugins of before call are gone.
export const runtime = { version: "2026.3.23-2" };
