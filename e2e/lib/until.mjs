// until polls check until it returns something true, and returns that.
export async function until(what, check, { within = 30_000, every = 50 } = {}) {
  const end = Date.now() + within;
  for (;;) {
    const got = await check();
    if (got) return got;
    if (Date.now() > end) throw new Error(`${what}: not within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
