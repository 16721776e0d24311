// A consumer of the orders API: looks one order up by its text, as the shop's back office does.
// Exits 0 when it gets exactly that order, 1 with one line of what it got instead.

const base = process.argv[2];
try {
  const answer = await fetch(`${base}/orders?q=lamp`, { signal: AbortSignal.timeout(4000) });
  const found = await answer.json();
  const items = Array.isArray(found) ? found.map((order) => order.item) : [`no list but ${typeof found}`];
  console.log(`search for "lamp": HTTP ${answer.status}, found ${items.join(", ")}`);
  process.exitCode = answer.status === 200 && items.length === 1 && items[0] === "lamp" ? 0 : 1;
} catch (error) {
  console.log(`search for "lamp": ${error.cause?.code ?? error.message}`);
  process.exitCode = 1;
}
