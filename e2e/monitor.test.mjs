// The dashboard in a real browser, against a fleet with real traffic and faults.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, launch, open, screenshot } from "./lib/browser.mjs";
import { Programs } from "./lib/programs.mjs";
import { Redis, freePort } from "./lib/redis.mjs";
import { code } from "./lib/totp.mjs";
import { until } from "./lib/until.mjs";

const password = "correct horse battery";
const pages = ["/", "/queues", "/pending", "/waiting", "/delayed", "/dead", "/cancelled", "/expired", "/cron", "/workers", "/redis", "/locks", "/flags",
  "/leaderboards", "/analytics", "/audit", "/sessions", "/keys"];

let redis, programs, browser, address, workerA, factor; // the line of tess

before(async () => {
  redis = await Redis.start();
  programs = new Programs(redis.url);
  browser = await launch();
  const credentials = join(redis.dir, "credentials");
  const line = (name, role) => programs.input(password + "\n", "monitor", "password", name, "--role", role);
  factor = programs.run("monitor", "totp", "tess");
  writeFileSync(credentials, line("olga", "operator") + line("vera", "viewer") + line("tess", "operator") + factor, { mode: 0o600 });
  const port = await freePort();
  address = `http://127.0.0.1:${port}`;
  await programs.start("monitor", ["serve", "--addr", `127.0.0.1:${port}`, "--credentials", credentials, "--environment", "e2e"], "monitor is listening");
  workerA = await programs.start("worker", ["run", "--periodic=false", "--debug-jobs", "--lease", "10s", "--name", "alice", "--queues", "orders=5,events=1,slow=1"], "worker starts");
  await programs.start("producer", ["simulate", "--orders", "20", "--events", "20", "--for", "10m"]);
});

after(async () => {
  await browser?.close();
  await programs?.stop();
  await redis?.stop();
});

async function login(name, options) {
  const page = await open(browser, options);
  await page.goto(address + "/queues");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL(address + "/queues");
  return page;
}

const queueInfo = (name) => programs.json("monitor", "queues", "--json").find((q) => q.queue === name);

test("nobody gets in without a password, and a viewer cannot act", async () => {
  const page = await open(browser);
  await page.goto(address + "/pending");
  assert.match(page.url(), /\/login\?next=/);
  await page.getByLabel("Name").fill("olga");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").getByText("The name, the password or the code is wrong.").waitFor();
  await page.context().close();

  const viewer = await login("vera");
  await viewer.getByText("read only").waitFor();
  assert.equal(await viewer.getByRole("button", { name: "Pause" }).count(), 0);
  await viewer.getByRole("button", { name: "Log out" }).click();
  await viewer.waitForURL(/\/login/);
  await viewer.goto(address + "/queues");
  assert.match(viewer.url(), /\/login\?next=/);
  await viewer.context().close();
});

test("who has a second factor logs in with a code, which counts once", async () => {
  const page = await open(browser, { bypassCSP: true });
  const login = async (text) => {
    await page.goto(address + "/queues");
    await page.getByLabel("Name").fill("tess");
    await page.getByLabel("Password").fill(password);
    await page.getByLabel("Code").fill(text);
    assert.deepEqual(await accessible(page), []);
    await page.getByRole("button", { name: "Log in" }).click();
  };
  const refused = async () => {
    await page.getByRole("alert").getByText("The name, the password or the code is wrong.").waitFor();
    assert.deepEqual(await page.context().cookies(), []);
  };
  await login("");
  await refused();
  await screenshot(page, "login-with-a-code");
  const shown = code(factor.split(" ")[2]);
  await login(shown);
  await page.waitForURL(address + "/queues");
  await page.locator("header").getByText("tess").waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(/\/login/);
  await login(shown);
  await refused();
  assert.deepEqual(page.errors.filter((error) => !/status of 401/.test(error)), []);
  await page.context().close();
});

test("each page opens, in light, dark and on a phone, without an error and accessible", async () => {
  for (const [name, options] of Object.entries({
    light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, phone: { viewport: { width: 390, height: 844 }, hasTouch: true },
  })) {
    const page = await login("olga", { ...options, bypassCSP: true });
    for (const path of pages) {
      const answer = await page.goto(address + path);
      assert.equal(answer.status(), 200, path);
      await page.locator("h1").waitFor();
      assert.deepEqual(await accessible(page), [], `${path} in ${name}`);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wider <= 0, `${path} in ${name} is ${wider} px wider than its window`);
      await screenshot(page, `${path === "/" ? "overview" : path.slice(1)}-${name}`);
    }
    assert.deepEqual(page.errors, []);
    await page.context().close();
  }
});

test("the stuck job of a frozen worker is found on Pending, and seen being reclaimed", async () => {
  const [job] = programs.json("producer", "enqueue", "debug.sleep", "--queue", "slow", "--data", '{"ms":120000}');
  const page = await login("olga");
  await page.goto(address + "/pending?queue=slow");
  const row = page.locator("#pending tbody tr", { hasText: job.id });
  await row.getByText("alice").waitFor();
  const workerB = await programs.start("worker", ["run", "--periodic=false", "--debug-jobs", "--lease", "10s", "--name", "bob", "--queues", "orders=5,events=1,slow=1"], "worker starts");
  workerA.kill("SIGSTOP");

  await page.getByRole("link", { name: "Stuck", exact: true }).click();
  await row.waitFor();
  await page.getByRole("list", { name: "All queues together" }).getByText(/[1-9]\d* stuck/).waitFor();
  await screenshot(page, "pending-stuck");
  await page.getByRole("link", { name: "All" }).click();
  await row.getByText("bob").waitFor(); // live: the page is not loaded again
  await row.locator(".dot.alive").waitFor();
  await screenshot(page, "pending-reclaimed");
  assert.deepEqual(page.errors, []);

  await row.getByRole("link", { name: job.id }).click();
  await page.getByText("run without an outcome").waitFor();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.locator(".timeline strong", { hasText: "cancelled by a person" }).waitFor();
  await screenshot(page, "job-cancelled");
  await page.context().close();
  workerA.kill("SIGCONT");
  assert.equal(workerB.exitCode, null);
});

test("dead jobs are filtered by a field of their data, and all that match are requeued", async () => {
  for (let i = 0; i < 12; i++) {
    programs.run("producer", "enqueue", "debug.fail", "--queue", "slow", "--max-attempts", "1",
      "--data", JSON.stringify({ times: i % 3 === 0 ? 1 : 9, customer: { country: i % 3 === 0 ? "CH" : "FR" }, card: "4242" }));
  }
  await until("twelve are dead", () => queueInfo("slow").dead >= 12);
  const page = await login("olga");
  await page.goto(address + "/dead?queue=slow");
  await page.locator("input[type=search]").fill("args.customer.country:CH");
  await page.keyboard.press("Enter");
  await page.getByText("4 jobs shown").waitFor();
  assert.equal(await page.getByText("4242").count(), 0, "a masked field is shown");
  await page.getByLabel("Which jobs").selectOption("matching");
  await page.waitForResponse((answer) => answer.url().includes("/dead")); // a live update must leave the choice alone
  await page.waitForResponse((answer) => answer.url().includes("/dead"));
  assert.equal(await page.getByLabel("Which jobs").inputValue(), "matching");
  await screenshot(page, "dead-filtered");
  await page.getByRole("button", { name: "Requeue" }).click();
  await page.getByText("4 jobs dead of slow").waitFor();
  await page.getByRole("button", { name: "Requeue" }).click();
  await page.getByRole("status").getByText("Requeue: 4 jobs").waitFor();
  assert.equal(queueInfo("slow").totals.requeued, 4);
  await page.goto(address + "/audit");
  await page.getByText("args.customer.country:CH: 4 jobs").waitFor();
  await page.context().close();
});

test("an API key is made, shown once, and revoked", async () => {
  programs.run("monitor", "keys", "create", "of-the-shell", "--scope", "jobs:write:*/mail.*", "--expires", "never");
  for (const [name, options] of Object.entries({
    light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, phone: { viewport: { width: 390, height: 844 }, hasTouch: true },
  })) {
    const page = await login("olga", { ...options, bypassCSP: true });
    await page.goto(address + "/keys");
    await page.getByLabel("Name").fill("shop-" + name);
    await page.getByLabel("Scopes").fill("jobs:write:orders*/mail.*\njobs:read:orders");
    await page.getByLabel("Expires").selectOption("30d");
    await page.getByRole("button", { name: "Make the key" }).click();
    const secret = await page.locator("#secret").textContent();
    assert.match(secret, /^navvy_[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(await accessible(page), []);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wider <= 0, `the page is ${wider} px wider than its window`);
    await screenshot(page, `key-made-${name}`);
    await page.getByRole("link", { name: "To the API keys" }).click();
    await page.getByText("of-the-shell").waitFor();
    assert.ok(!(await page.content()).includes(secret), "the key is shown again");
    assert.deepEqual(await accessible(page), []);
    await screenshot(page, `keys-list-${name}`);
    await page.getByRole("button", { name: "Revoke the key shop-" + name }).click();
    await page.getByText("was never used").waitFor();
    await page.getByLabel(/to confirm/).fill("shop-" + name);
    await page.getByRole("button", { name: "Revoke" }).click();
    await page.getByText(`The API key shop-${name} is revoked`).waitFor();
    await page.locator("#apikeys td", { hasText: "shop-" + name }).waitFor({ state: "detached" });
    assert.deepEqual(page.errors, []);
    await page.context().close();
  }
});

test("a cron entry is paused, run, edited and deleted", async () => {
  programs.run("monitor", "cron", "add", "slow", "tidy", "--spec", "0 4 * * *", "--kind", "debug.echo", "--data", "{}");
  const page = await login("olga", { bypassCSP: true }); // for the look at accessibility
  await page.goto(address + "/cron");
  const row = page.locator("#cron tbody tr", { hasText: "tidy" });
  await row.getByRole("button", { name: "Pause tidy of slow" }).click();
  await row.getByText("paused by olga").waitFor();
  assert.deepEqual(await accessible(page), []);
  await screenshot(page, "cron");
  await row.getByRole("button", { name: "Resume tidy of slow" }).click();
  await row.getByText("on", { exact: true }).waitFor();
  await row.getByRole("link", { name: "tidy" }).click();
  await page.getByRole("button", { name: "Run now: tidy of slow" }).click();
  await page.getByRole("link", { name: /^cron:tidy:/ }).waitFor();
  await page.getByLabel("Spec").fill("0 5 * * *");
  await page.getByRole("button", { name: "Change the spec" }).click();
  await page.getByText("by olga").first().waitFor();
  assert.deepEqual(await accessible(page), []);
  await screenshot(page, "cron-entry");
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByLabel(/to confirm/).fill("tidy");
  await page.getByRole("button", { name: "Delete" }).click();
  await row.waitFor({ state: "detached" });
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("a worker is made quiet, and stopped", async () => {
  const carol = await programs.start("worker", ["run", "--name", "carol", "--queues", "slow"], "worker starts");
  const page = await login("olga", { bypassCSP: true }); // for the look at accessibility
  await page.goto(address + "/workers");
  const row = page.locator("#workers tbody tr", { hasText: "carol" });
  await row.getByRole("button", { name: "Quiet carol" }).click();
  await page.getByText("carol goes quiet").waitFor();
  await row.getByText("quiet", { exact: true }).waitFor(); // live
  await screenshot(page, "workers-quiet");
  await row.getByRole("button", { name: "Stop carol" }).click();
  await page.getByText("A supervisor may start the process again").waitFor();
  assert.deepEqual(await accessible(page), []);
  await page.getByRole("button", { name: "Stop" }).click();
  await until("carol has ended", () => carol.exitCode === 0);
  await row.waitFor({ state: "detached" });
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("a queue is paused, stops, and goes on", async () => {
  const page = await login("olga");
  const row = page.locator("tr", { has: page.getByRole("link", { name: "orders", exact: true }) });
  await row.getByRole("button", { name: "Pause" }).click();
  await row.getByText("paused by olga").waitFor();
  let before = -1;
  await until("orders stands still", () => {
    const { totals } = queueInfo("orders");
    const still = totals.done === before;
    before = totals.done;
    return still;
  }, { every: 1200 });
  const waiting = queueInfo("orders").waiting;
  await until("orders pile up", () => queueInfo("orders").waiting > waiting);
  assert.equal(queueInfo("orders").totals.done, before);
  await screenshot(page, "queues-paused");
  await row.getByRole("button", { name: "Resume" }).click();
  await until("orders go on", () => queueInfo("orders").totals.done > before);
  await page.context().close();
});

test("without JavaScript, everything can be seen and done", async () => {
  const page = await login("olga", { javaScriptEnabled: false });
  const row = page.locator("tr", { has: page.getByRole("link", { name: "events", exact: true }) });
  await row.getByRole("button", { name: "Pause" }).click();
  await row.getByText("paused by olga").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await row.getByRole("button", { name: "Pause" }).waitFor();
  await page.context().close();
});

test("the keyboard leads everywhere", async () => {
  const page = await login("olga");
  await page.keyboard.press("g");
  await page.keyboard.press("p");
  await page.waitForURL(/\/pending/);
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.name), "q");
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("?");
  await page.getByRole("dialog").getByText("Keyboard").waitFor();
  await page.context().close();
});

test("while Redis is away there is a banner and the last picture, and the page recovers by itself", async () => {
  const page = await login("olga");
  await page.goto(address + "/queues");
  await page.getByRole("link", { name: "orders", exact: true }).waitFor();
  await redis.kill();
  await page.getByText("Redis does not answer").waitFor();
  await page.getByRole("link", { name: "orders", exact: true }).waitFor();
  await screenshot(page, "redis-away");
  const fresh = await page.context().newPage(); // what somebody sees who comes now
  await fresh.goto(address + "/queues");
  await fresh.getByText("Redis does not answer").waitFor();
  await fresh.getByRole("link", { name: "orders", exact: true }).waitFor();
  await redis.run();
  await page.getByText("Redis does not answer").waitFor({ state: "hidden" });
  await fresh.getByText("Redis does not answer").waitFor({ state: "hidden" });
  await page.context().close();
});
